/** What starts an export of container images. */
import * as v from 'valibot';
import { count, keyPrefix, name } from './fields';

/** What starts an export of container images. */
export const imageExportRequest = v.strictObject({
  bucket: name,
  prefix: keyPrefix,
  repositories: v.pipe(v.array(name), v.minLength(1)),
  /** How many of each repository's newest images with a tag are exported. */
  newest: v.pipe(count, v.minValue(1)),
});

export type ImageExportRequest = v.InferOutput<typeof imageExportRequest>;
