/**
 * Manual snapshots that an app keeps in each region: copies and those before deployments. The quota is per region, so
 * all are counted together; automated snapshots and those of AWS Backup don't count.
 */
import { Annotations, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Mark } from '../synth/marks';

/** The default quota. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html */
const QUOTA = 100;

interface Part {
  readonly by: Construct;
  readonly where: string;
  readonly count: number;
}

const parts = new Mark<Part[]>('kept-snapshots');

/**
 * Notes that a construct keeps snapshots, and warns once the app is complete if all keep too many together.
 *
 * @param count the most that it keeps
 */
export function countSnapshots(by: Construct, region: string, count: number): void {
  const { root } = by.node;
  const all = parts.on(root) ?? [];
  parts.put(root, all);
  const part: Part = { by, where: `${Stack.of(by).account} ${region}`, count };
  all.push(part);
  by.node.addValidation({
    validate: () => {
      const same = all.filter(({ where }) => where === part.where);
      const total = same.reduce((sum, one) => sum + one.count, 0);
      if (total <= QUOTA || same[0] !== part) return [];
      const each = same.map((one) => `'${one.by.node.path}' keeps up to ${one.count}`).join(', ');
      Annotations.of(by).addWarningV2(
        'lifeboat:snapshot-quota',
        `${each}, and the default quota of a region is ${QUOTA} manual snapshots, so copies and deployments beyond that would ` +
          `fail; keep fewer or for a shorter time, or request a higher quota${Token.isUnresolved(region) ? '' : ` in ${region}`}`,
      );
      return [];
    },
  });
}
