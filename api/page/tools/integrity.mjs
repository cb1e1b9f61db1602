import { createHash } from 'node:crypto';

/** The value of an `integrity` attribute. */
export const integrity = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
