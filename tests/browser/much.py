"""Makes much of the little that a service wrote, while it is down:

    much.py DATABASE executions 10000     copies of its executions, in turn, with their orders and histories
    much.py DATABASE events 5000          the newest rejected order's refund timed out and was tried again, so often
"""

import json
import sqlite3
import sys

CALL_BITS = 24  # a history row's key: the execution's seq above, the engine call's number below
DAY = 86_400_000


def rows(database, query, *values):
    return database.execute(query, values).fetchall()


def history(database, seq):
    return rows(database, "SELECT * FROM history WHERE at BETWEEN ? AND ? ORDER BY at",
                seq << CALL_BITS, (seq + 1 << CALL_BITS) - 1)


def executions(database, count):
    originals = rows(database, "SELECT seq, id FROM orders JOIN executions USING (seq) ORDER BY seq")
    columns = {table: [name for _, name, *_ in rows(database, f"PRAGMA table_info({table})")]
               for table in ("orders", "executions", "history")}

    def copied(table, row, key, old_id, new_id):
        fields = [key, *(field.replace(old_id, new_id) if isinstance(field, str) else field for field in row[1:])]
        places = ", ".join("?" * len(columns[table]))
        database.execute(f"INSERT INTO {table} VALUES ({places})", fields)

    for seq in range(len(originals) + 1, count + 1):
        old, old_id = originals[seq % len(originals)]
        new_id = f"ord_{seq:026d}"
        for table in ("orders", "executions"):
            for row in rows(database, f"SELECT * FROM {table} WHERE seq = ?", old):
                copied(table, row, seq, old_id, new_id)
        # A range of the key, for it must not read the whole table each time.
        for row in rows(database, "SELECT * FROM history WHERE at >= ? AND at < ?", old << CALL_BITS, old + 1 << CALL_BITS):
            copied("history", row, row[0] + (seq - old << CALL_BITS), old_id, new_id)


def events(database, count):
    [(seq,)] = rows(database, "SELECT seq FROM orders WHERE status = 'rejected' ORDER BY seq DESC LIMIT 1")
    calls = [json.loads(text) for _, text in history(database, seq)]
    flat = [(call["t"], *event) for call in calls for event in call["e"]]
    details = lambda event: event[4] or {}
    refund = next(at for at, event in enumerate(flat)
                  if details(event).get("stateEnteredEventDetails", {}).get("name") == "RefundPayment")
    sent = flat[refund + 1:refund + 4]  # TaskScheduled, TaskStarted, TaskSubmitted
    error = {"resourceType": "sqs", "resource": "sendMessage.waitForTaskToken", "error": "States.Timeout"}
    cycles = (count - len(flat) + 3) // 4
    tries = []
    for n in range(cycles):
        at = sent[0][0] + (n + 1) * DAY
        tries.append((at, "TaskTimedOut", None, None, {"taskTimedOutEventDetails": error}))
        tries.extend((at, kind, None, None, told) for _, kind, _, _, told in sent)
    later = [(at + cycles * DAY, *event) for at, *event in flat[refund + 4:]]
    whole = flat[:refund + 4] + tries + later
    database.execute("DELETE FROM history WHERE at BETWEEN ? AND ?", (seq << CALL_BITS, (seq + 1 << CALL_BITS) - 1))
    for number, (at, kind, _, _, told) in enumerate(whole, start=1):
        previous = 0 if number <= 2 else number - 1
        row = json.dumps({"t": at, "e": [[kind, number, previous, told]]})
        database.execute("INSERT INTO history VALUES (?, ?)", (seq << CALL_BITS | number, row))


if __name__ == "__main__":
    path, what, count = sys.argv[1:]
    with sqlite3.connect(path) as connection:
        {"executions": executions, "events": events}[what](connection, int(count))
