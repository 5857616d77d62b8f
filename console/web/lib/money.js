// Money, shown and entered: whole minor units, with the decimals that the service says (ISO 4217's). Browsers have
// others (CLDR's; none for HUF or COP), with which a price would be wrong by a factor of a hundred.

import { get } from './api.js';

const decimals = new Map();

// Before anything is shown.
export async function loadCurrencies() {
  const { currencies } = await get('/currencies');
  for (const { code, decimals: digits } of currencies) decimals.set(code, digits);
}

function decimalsOf(currency) {
  const digits = decimals.get(currency);
  if (digits === undefined) throw new Error(`The service does not say how many decimals ${currency} has.`);
  return digits;
}

// {amount: 129900, currency: 'HUF'} as '1299.00', exactly.
export function decimal({ amount, currency }) {
  const digits = decimalsOf(currency);
  const text = String(Math.abs(amount)).padStart(digits + 1, '0');
  const [whole, part] = [text.slice(0, text.length - digits), text.slice(text.length - digits)];
  return `${amount < 0 ? '-' : ''}${whole}${digits ? '.' : ''}${part}`;
}

// As people read it: digits as is usual where they are, then the code, as in mails.
export function money(amount) {
  if (!amount) return '–';
  const digits = decimalsOf(amount.currency);
  const format = new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(decimal(amount))}\u00a0${amount.currency}`;
}

// '1299' or '1299.00' in HUF as 129900. What is no amount of this currency to the last digit is refused, never rounded.
export function minorUnits(text, currency) {
  const digits = decimalsOf(currency);
  const [, whole, part = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  if (!whole) {
    const example = decimal({ amount: 1299 * 10 ** digits, currency });
    throw new Error(`Write it as ${example}: digits only${digits ? ', and a point before the decimals' : ''}.`);
  }
  if (part.length > digits) {
    throw new Error(`${currency} has ${digits || 'no'} decimals, and ${text.trim()} has ${part.length}.`);
  }
  return Number(whole + part.padEnd(digits, '0'));
}
