/**
 * Between which regions RDS replicates automated backups, as its guide listed them in 2026. RDS adds pairs now and then, so
 * what is missing here is warned of, and never refused: `aws rds describe-source-regions --region <destination>` tells.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html#USER_ReplicateBackups.Regions
 */
const AMERICA = ['us-east-1', 'us-east-2', 'us-west-2'];
const ASIA = ['ap-northeast-1', 'ap-northeast-2', 'ap-south-1', 'ap-southeast-1'];
const EUROPE = ['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-north-1'];

const DESTINATIONS: Readonly<Record<string, readonly string[]>> = {
  'af-south-1': ['eu-central-1', 'eu-west-1', 'eu-west-2'],
  'ap-east-1': ['ap-southeast-1', 'ap-northeast-1'],
  'ap-northeast-1': ['ap-east-1', 'ap-northeast-3', 'ap-northeast-2', 'ap-southeast-1', ...AMERICA],
  'ap-northeast-2': ['ap-southeast-1', 'ap-northeast-1', ...AMERICA],
  'ap-northeast-3': ['ap-northeast-1'],
  'ap-south-1': ['ap-south-2', 'ap-southeast-1', ...AMERICA],
  'ap-south-2': ['ap-south-1'],
  'ap-southeast-1': ['ap-east-1', 'ap-southeast-5', 'ap-southeast-2', ...ASIA, ...AMERICA],
  'ap-southeast-2': ['ap-southeast-4', 'ap-southeast-1', 'us-east-1', 'us-west-1', 'us-west-2'],
  'ap-southeast-3': ['ap-southeast-5', 'ap-southeast-1'],
  'ap-southeast-4': ['ap-southeast-2'],
  'ap-southeast-5': ['ap-southeast-1'],
  'ca-central-1': ['ca-west-1', 'eu-west-1', 'us-west-1', ...AMERICA],
  'ca-west-1': ['ca-central-1'],
  'cn-north-1': ['cn-northwest-1'],
  'cn-northwest-1': ['cn-north-1'],
  'eu-central-1': ['af-south-1', 'eu-central-2', ...EUROPE, ...AMERICA],
  'eu-central-2': ['eu-central-1', 'eu-west-1'],
  'eu-north-1': [...EUROPE, 'us-east-1'],
  'eu-south-1': ['eu-central-1'],
  'eu-south-2': ['eu-west-1', 'eu-west-3'],
  'eu-west-1': ['af-south-1', 'ca-central-1', 'eu-central-2', 'us-west-1', ...EUROPE, ...AMERICA],
  'eu-west-2': ['af-south-1', ...EUROPE, 'us-east-1'],
  'eu-west-3': [...EUROPE, 'us-east-1'],
  'il-central-1': ['eu-west-1'],
  'me-central-1': ['eu-central-1'],
  'sa-east-1': ['us-east-1', 'us-east-2'],
  'us-east-1': ['ap-southeast-2', 'ca-central-1', 'sa-east-1', 'us-west-1', ...ASIA, ...EUROPE, ...AMERICA],
  'us-east-2': ['ca-central-1', 'eu-central-1', 'eu-west-1', 'sa-east-1', 'us-west-1', ...ASIA, ...AMERICA],
  'us-gov-east-1': ['us-gov-west-1'],
  'us-gov-west-1': ['us-gov-east-1'],
  'us-west-1': ['ap-southeast-2', 'ca-central-1', 'eu-west-1', ...AMERICA],
  'us-west-2': ['ap-southeast-2', 'ca-central-1', 'eu-central-1', 'eu-west-1', 'us-west-1', ...ASIA, ...AMERICA],
};

/** Where RDS is known to replicate backups from a region to, the region itself left out; none where it is not listed. */
export function replicatesTo(source: string): string[] {
  const found = DESTINATIONS[source] ?? [];
  return found.filter((region) => region !== source).sort();
}
