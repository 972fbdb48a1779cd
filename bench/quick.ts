/** `-- --quick`: one short round of each thing, to see that a benchmark runs. Its figures are no figures. */
export const isQuick = process.argv.includes('--quick');
