/** RDS's operations on groups, tags and events. */
import type * as rds from '@aws-sdk/client-rds';
import {
  DBInstanceNotFoundFault,
  DBParameterGroupAlreadyExistsFault,
  DBParameterGroupQuotaExceededFault,
  DBSnapshotNotFoundFault,
  DBSubnetGroupAlreadyExistsFault,
  DBSubnetGroupQuotaExceededFault,
  SourceType,
} from '@aws-sdk/client-rds';
import { RDS_LIMITS } from '../../lambda/contract';
import { shown } from '../server/call';
import { notModelled, QueryError } from '../server/query-protocol';
import { operation } from './operation';
import { page } from './paging';
import type { ParameterGroup, RdsRegion, Tagged } from './region-state';
import { checkedTags, mergeTags } from './tags';

const SOURCE_TYPES: readonly string[] = Object.values(SourceType);
const PAGING = ['MaxRecords', 'Marker'] as const;

export const catalogOperations = [
  operation<rds.CreateDBSubnetGroupMessage, rds.CreateDBSubnetGroupResult>(
    'CreateDBSubnetGroup',
    ['DBSubnetGroupName', 'DBSubnetGroupDescription', 'SubnetIds', 'Tags'],
    async (region, input) => {
      const name = checkedGroupName(input.DBSubnetGroupName!, 'DBSubnetGroupName');
      if (region.subnetGroups.size >= MOST_GROUPS) {
        throw new DBSubnetGroupQuotaExceededFault({
          message: `${MOST_GROUPS} subnet groups exist already.`,
          $metadata: {},
        });
      }
      if (region.subnetGroups.has(name)) {
        const message = `The DB subnet group '${shown(name)}' already exists.`;
        throw new DBSubnetGroupAlreadyExistsFault({ message, $metadata: {} });
      }
      const { DBSubnetGroupDescription: description, SubnetIds: subnets, Tags: tags } = input;
      return { DBSubnetGroup: region.addSubnetGroup(name, description!, subnets!, checkedTags(tags)) };
    },
  ),

  operation<rds.DescribeDBSubnetGroupsMessage, rds.DBSubnetGroupMessage>(
    'DescribeDBSubnetGroups',
    ['DBSubnetGroupName', ...PAGING],
    async (region, input) => {
      const wanted = input.DBSubnetGroupName && [region.subnetGroup(input.DBSubnetGroupName)];
      const { items, Marker } = page(wanted || region.subnetGroups.values(), ({ name }) => name, input);
      return { DBSubnetGroups: items, Marker };
    },
  ),

  operation<rds.CreateDBParameterGroupMessage, rds.CreateDBParameterGroupResult>(
    'CreateDBParameterGroup',
    ['DBParameterGroupName', 'DBParameterGroupFamily', 'Description', 'Tags'],
    async (region, input) => {
      const name = checkedGroupName(input.DBParameterGroupName!, 'DBParameterGroupName');
      if (region.parameterGroups.size >= MOST_GROUPS) {
        const message = `${MOST_GROUPS} parameter groups exist already.`;
        throw new DBParameterGroupQuotaExceededFault({ message, $metadata: {} });
      }
      if (region.parameterGroups.has(name)) {
        const message = `Parameter group ${shown(name)} already exists`;
        throw new DBParameterGroupAlreadyExistsFault({ message, $metadata: {} });
      }
      const { Description: description, DBParameterGroupFamily: family, Tags: tags } = input;
      refuseFamily(family!);
      return { DBParameterGroup: described(region.addParameterGroup(name, description!, family!, checkedTags(tags))) };
    },
  ),

  operation<rds.DescribeDBParameterGroupsMessage, rds.DBParameterGroupsMessage>(
    'DescribeDBParameterGroups',
    ['DBParameterGroupName', ...PAGING],
    async (region, input) => {
      const wanted = input.DBParameterGroupName && [region.parameterGroup(input.DBParameterGroupName)];
      const { items, Marker } = page(wanted || region.parameterGroups.values(), ({ name }) => name, input);
      return { DBParameterGroups: items.map(described), Marker };
    },
  ),

  operation<rds.AddTagsToResourceMessage, object>(
    'AddTagsToResource',
    ['ResourceName', 'Tags'],
    async (region, input) => {
      const resource = tagged(region, input.ResourceName!);
      resource.tags = mergeTags(resource.tags, input.Tags);
      return {};
    },
  ),

  operation<rds.RemoveTagsFromResourceMessage, object>(
    'RemoveTagsFromResource',
    ['ResourceName', 'TagKeys'],
    async (region, input) => {
      const resource = tagged(region, input.ResourceName!);
      resource.tags = resource.tags.filter(({ Key }) => !input.TagKeys!.includes(Key!));
      return {};
    },
  ),

  operation<rds.ListTagsForResourceMessage, rds.TagListMessage>(
    'ListTagsForResource',
    ['ResourceName'],
    async (region, input) => ({ TagList: tagged(region, input.ResourceName!).tags }),
  ),

  operation<rds.DescribeEventsMessage, rds.EventsMessage>(
    'DescribeEvents',
    ['SourceIdentifier', 'SourceType', 'StartTime', 'EndTime', 'Duration', 'EventCategories', ...PAGING],
    async (region, input) => {
      if (input.SourceIdentifier && !input.SourceType) {
        throw new QueryError(
          'InvalidParameterCombination',
          'SourceType must be specified along with SourceIdentifier.',
        );
      }
      if (input.SourceType && !SOURCE_TYPES.includes(input.SourceType)) {
        const message = `Invalid source type: ${shown(input.SourceType)}. Valid: ${SOURCE_TYPES.join(', ')}.`;
        throw new QueryError('InvalidParameterValue', message);
      }
      const { Duration, StartTime, EndTime } = input;
      if (Duration !== undefined && !(Number.isInteger(Duration) && Duration > 0 && Duration <= MOST_MINUTES)) {
        throw new QueryError('InvalidParameterValue', `Invalid duration: ${Duration}. Must be 1 to ${MOST_MINUTES}.`);
      }
      if (StartTime && EndTime && StartTime > EndTime) {
        throw new QueryError('InvalidParameterCombination', 'StartTime must not be after EndTime.');
      }
      const start = input.StartTime?.getTime() ?? Date.now() - (input.Duration ?? 60) * 60_000;
      const end = input.EndTime?.getTime() ?? Number.POSITIVE_INFINITY;
      const found = region.events.filter((event) => {
        const time = event.Date!.getTime();
        const categories = input.EventCategories;
        return (
          time >= start &&
          time <= end &&
          (input.SourceIdentifier?.toLowerCase() ?? event.SourceIdentifier) === event.SourceIdentifier &&
          (input.SourceType ?? event.SourceType) === event.SourceType &&
          (!categories?.length || categories.some((category) => event.EventCategories!.includes(category)))
        );
      });
      const { items, Marker } = page(found, ({ order }) => String(order).padStart(9, '0'), input);
      return { Events: items, Marker };
    },
  ),

  // Neither can be made in a rehearsal, so there are none.
  operation<rds.DescribeDBProxiesRequest, rds.DescribeDBProxiesResponse>('DescribeDBProxies', PAGING, async () => ({
    DBProxies: [],
  })),

  operation<rds.DescribeEventSubscriptionsMessage, rds.EventSubscriptionsMessage>(
    'DescribeEventSubscriptions',
    PAGING,
    async () => ({ EventSubscriptionsList: [] }),
  ),
];

function described(group: ParameterGroup): rds.DBParameterGroup {
  return {
    DBParameterGroupName: group.name,
    DBParameterGroupFamily: group.family,
    Description: group.description,
    DBParameterGroupArn: group.arn,
  };
}

/** Events are kept for 14 days. */
const MOST_MINUTES = 14 * 24 * 60;

/** As many as RDS has by default, in each region. */
const MOST_GROUPS = 50;

function checkedGroupName(given: string, parameter: string): string {
  const name = given.toLowerCase();
  if (name.length <= 255 && /^[a-z][a-z0-9 ._-]*$/.test(name) && name !== 'default') return name;
  const message = `The parameter ${parameter} is not a valid name: '${shown(given)}'.`;
  throw new QueryError('InvalidParameterValue', message);
}

function refuseFamily(family: string): void {
  if (/^postgres\d{1,2}(\.\d)?$/.test(family)) return;
  if (RDS_LIMITS.engines.some((engine) => family.startsWith(engine))) {
    throw notModelled(`the parameter group family '${shown(family)}'`, 'it runs postgres');
  }
  const message = `ParameterGroupFamily ${shown(family)} is not a valid parameter group family`;
  throw new QueryError('InvalidParameterValue', message);
}

function tagged(region: RdsRegion, arn: string): Tagged {
  const found = region.tagged(arn);
  if (found) return found;
  const what = { message: `${shown(arn)} not found.`, $metadata: {} };
  if (/^arn:aws[\w-]*:rds:[^:]+:\d{12}:snapshot:/.test(arn)) throw new DBSnapshotNotFoundFault(what);
  if (/^arn:aws[\w-]*:rds:[^:]+:\d{12}:\w+:/.test(arn)) throw new DBInstanceNotFoundFault(what);
  throw new QueryError('InvalidParameterValue', `Invalid resource name: ${shown(arn)}`);
}
