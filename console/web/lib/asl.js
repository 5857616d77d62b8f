// What the states language nests: a state machine in a branch or an item's processor, its states in it.

const inner = (state) => state.Branches ?? [state.ItemProcessor ?? state.Iterator].filter(Boolean);

// All states of a definition by name, those of branches too, as [name, state] in the order they are written.
export const allStates = (machine) => Object.entries(machine.States ?? {}).flatMap(([name, state]) =>
  [[name, state], ...inner(state).flatMap(allStates)]);
