import { expect, it } from 'vitest';

import { CertsError } from '../certs/mod.ts';
import { explain, EXIT } from './errors.ts';

it('a disk that is full or closed to us is the environment’s fault, a bad request is not', () => {
  expect(explain(new CertsError('CERTS_WRITE_FAILED', 'no space'))).toEqual({ message: 'no space', exitCode: EXIT.environment });
  expect(explain(new CertsError('CERTS_BAD_REQUEST', 'no name'))).toEqual({ message: 'no name', exitCode: EXIT.usage });
});
