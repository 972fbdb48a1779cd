import { defineConfig } from 'vitest/config';

/** Where to write the results as JSON too, for a script that counts them. */
const report = process.env['THRUM_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['{frame,sensors,gateway,broker,certs,cli,test}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    ...(report === undefined ? {} : { reporters: ['default', ['json', { outputFile: report }]] }),
  },
});
