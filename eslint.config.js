import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Who may import whom (ARCHITECTURE.md, "The house"): room → rooms it must not import. */
const forbidden = {
  frame: ['sensors', 'gateway', 'broker', 'certs', 'cli', 'bench', 'test'],
  certs: ['frame', 'sensors', 'gateway', 'broker', 'cli', 'bench', 'test'],
  sensors: ['gateway', 'broker', 'certs', 'cli', 'bench', 'test'],
  gateway: ['broker', 'cli', 'bench', 'test'],
  broker: ['sensors', 'gateway', 'cli', 'bench', 'test'],
  cli: ['bench', 'test'],
};

const directions = Object.entries(forbidden).map(([room, rooms]) => ({
  files: [`${room}/**/*.ts`],
  ignores: ['**/*.test.ts', '**/*.fixture.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ group: rooms.map((name) => `../**/${name}/**`), message: `${room}/ may not import this room` }] },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.thrum/', 'docs/', 'frame/assembly/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is an argument: cli/clock.ts is the one place that reads it.' },
        { object: 'Math', property: 'random', message: 'Randomness is an argument: cli/random.ts is the one source.' },
      ],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  ...directions,
);
