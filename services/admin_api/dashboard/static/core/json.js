// Reads JSON without rounding: ids are 64-bit integers, and JavaScript rounds integers above 2^53.

const LONG_NUMBER = /[:[,]\s*-?\d{16,}/;

/** Parse JSON. An integer that JavaScript would round becomes a text of its digits. */
export function parseExactly(text) {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value, context) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? (context?.source ?? value)
      : value,
  );
}
