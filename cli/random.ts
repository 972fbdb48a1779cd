/** The one place that rolls unseeded dice, for waits whose only purpose is to differ. */
export const random = (): number => Math.random(); // eslint-disable-line no-restricted-properties
