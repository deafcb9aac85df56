/** What a conductor may do at a site, and with its evidence. */
import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { evidencePrefix } from '../../lambda/contract';
import { basicPermissions } from '../function/shipped-function';
import { allow, evidenceAccess } from '../function/statements';
import type { IDrillSite } from './shared-site';

/** To call the examiner, and to read the key of copies' passwords. */
export function sitePermissions(site: IDrillSite): iam.PolicyStatement[] {
  return [
    allow(['lambda:InvokeFunction'], [site.examiner.functionArn]),
    allow(['secretsmanager:GetSecretValue'], [site.passwordKey.secretArn]),
    allow(['kms:Decrypt'], [site.encryptionKey.keyArn], {
      StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(site).region}.amazonaws.com` },
    }),
  ];
}

/** What all drills may do at a site: log, report failures, and `sitePermissions`. */
export const sharedPermissions = (site: IDrillSite): iam.PolicyStatement[] => [
  ...basicPermissions(site.log, site.deadLetterQueue),
  ...sitePermissions(site),
];

/** To append signed documents to one target's chain. */
export function evidencePermissions(
  site: IDrillSite,
  of: { readonly plan: string; readonly target: string },
): iam.PolicyStatement[] {
  const prefix = evidencePrefix(of);
  return [
    ...evidenceAccess(site.evidence, prefix, `${prefix}*`),
    // The key knows one algorithm, so the policy need not name it.
    allow(['kms:GetPublicKey', 'kms:Sign'], [site.signingKey.keyArn]),
  ];
}
