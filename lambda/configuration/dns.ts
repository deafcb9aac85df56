/** DNS: records of Route 53, and the health checks that fail them over. */
import {
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsRequest,
  type ListResourceRecordSetsResponse,
  paginateListHealthChecks,
  paginateListHostedZones,
  type ResourceRecordSet,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { type Files, json, missing, sorted } from './configuration-files';

/** Each zone's records in the form of `change-resource-record-sets --change-batch`, and all health checks. */
export async function* zonesOf(route53: Route53Client, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { HostedZones = [] } of paginateListHostedZones({ client: route53 }, {})) {
    for (const { Id = '', Name = '', LinkedService } of HostedZones) {
      const zone = Name.replace(/\.$/, '');
      // Cloud Map writes its zones itself, at every start and end of a task.
      if (LinkedService || (wanted && !wanted.includes(zone))) continue;
      found.add(zone);
      try {
        const records = (await recordsOf(route53, Id)).filter((record) => !isOfEachZone(record, Name));
        const Changes = records.map((ResourceRecordSet) => ({ Action: 'UPSERT', ResourceRecordSet }));
        yield json(`zones/${zone}/${Id.replace('/hostedzone/', '')}.json`, { Changes });
      } catch (error) {
        // Deleted since it was listed.
        if (error instanceof Error && error.name === 'NoSuchHostedZone') continue;
        yield { failure: `zone ${zone}: ${error instanceof Error ? error.message : error}` };
      }
    }
  }
  yield* missing('zone', wanted, found);
  yield* healthChecksOf(route53);
}

/** A new zone has its own NS and SOA records, and those of the old zone would break it. */
const isOfEachZone = ({ Name, Type }: ResourceRecordSet, zone: string) =>
  Name === zone && (Type === 'NS' || Type === 'SOA');

async function recordsOf(route53: Route53Client, zone: string): Promise<ResourceRecordSet[]> {
  const records: ResourceRecordSet[] = [];
  let from: ListResourceRecordSetsRequest | undefined = { HostedZoneId: zone };
  while (from) {
    const page: ListResourceRecordSetsResponse = await route53.send(new ListResourceRecordSetsCommand(from));
    records.push(...(page.ResourceRecordSets ?? []));
    from = page.IsTruncated
      ? {
          HostedZoneId: zone,
          StartRecordName: page.NextRecordName,
          StartRecordType: page.NextRecordType,
          StartRecordIdentifier: page.NextRecordIdentifier,
        }
      : undefined;
  }
  return records;
}

/** Records refer to health checks by ID, and new ones get new IDs: so each is stored with its ID. */
async function* healthChecksOf(route53: Route53Client): Files {
  const checks = [];
  for await (const { HealthChecks = [] } of paginateListHealthChecks({ client: route53 }, {})) {
    for (const { Id = '', HealthCheckConfig, LinkedService } of HealthChecks) {
      if (!LinkedService) checks.push({ Id, HealthCheckConfig });
    }
  }
  if (checks.length > 0) yield json('health-checks.json', sorted(checks, 'Id'));
}
