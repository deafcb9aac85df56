/** Settings of an instance that RDS refuses, with its error codes and, where they are known, its messages. */
import { dailyWindow, isReservedName, RDS_LIMITS, weeklyWindow, windowsOverlap } from '../../lambda/contract';
import { shown } from '../server/call';
import { notModelled, QueryError } from '../server/query-protocol';
import type { InstanceSettings } from './instance-settings';

const value = (message: string) => new QueryError('InvalidParameterValue', message);
const combination = (message: string) => new QueryError('InvalidParameterCombination', message);

/** @throws QueryError for an engine that RDS does not have, and another one if only a rehearsal does not have it */
export function refuseEngine(engine: string): void {
  if (engine === 'postgres') return;
  if (!RDS_LIMITS.engines.includes(engine)) throw value(`Invalid DB engine: ${shown(engine)}`);
  throw notModelled(`the engine '${engine}'`, 'it runs postgres');
}

/** @throws QueryError for names that RDS refuses for a master user or a first database */
export function refuseNames(master: string | undefined, database: string | undefined): void {
  if (!master) throw value('The parameter MasterUsername must be provided and must not be blank.');
  for (const [parameter, name] of Object.entries({ MasterUsername: master, DBName: database })) {
    if (name === undefined) continue;
    if (!RDS_LIMITS.name.test(name)) {
      throw value(
        `The parameter ${parameter} is not valid: ${shown(name)}. It must begin with a letter and contain only letters, ` +
          'digits and underscores, 63 at most.',
      );
    }
    if (isReservedName(name)) {
      throw value(`${parameter} ${name} cannot be used as it is a reserved word used by the engine`);
    }
  }
}

/**
 * @throws QueryError for a zone of another region, and for any zone of a Multi-AZ instance, for which RDS chooses two
 */
export function refuseZone(region: string, input: { MultiAZ?: boolean; AvailabilityZone?: string }): void {
  const { MultiAZ, AvailabilityZone: zone } = input;
  if (zone === undefined) return;
  if (MultiAZ) throw combination('Requesting a specific availability zone is not valid for Multi-AZ instances.');
  if (!zone.startsWith(region) || !/^[a-z]$/.test(zone.slice(region.length))) {
    throw value(`Invalid Availability Zone: ${shown(zone)}. It must be one of ${region}, such as ${region}a.`);
  }
}

/**
 * Refuses settings as a whole, whichever operation they are for.
 *
 * @param before what they were, of an instance that exists or is restored: its storage never shrinks
 */
export function refuseSettings(settings: InstanceSettings, before: InstanceSettings | undefined): void {
  const { DBInstanceClass, BackupRetentionPeriod, LicenseModel, CACertificateIdentifier } = settings;
  if (!RDS_LIMITS.instanceClass.test(DBInstanceClass)) {
    throw value(`Invalid DB Instance class: ${shown(DBInstanceClass)}`);
  }
  if (LicenseModel !== RDS_LIMITS.licenseModel) {
    throw value(
      `Invalid license model '${shown(LicenseModel)}' for engine 'postgres'. Valid: ${RDS_LIMITS.licenseModel}.`,
    );
  }
  if (!RDS_LIMITS.certificateAuthorities.includes(CACertificateIdentifier)) {
    throw value(`Invalid CA certificate identifier: ${shown(CACertificateIdentifier)}`);
  }
  const { min, max } = RDS_LIMITS.retentionDays;
  if (!Number.isInteger(BackupRetentionPeriod) || BackupRetentionPeriod < min || BackupRetentionPeriod > max) {
    throw value(`Invalid backup retention period: ${BackupRetentionPeriod}. Must be between ${min} and ${max}.`);
  }
  refuseStorage(settings, before);
  refuseWindows(settings);
}

function refuseStorage(settings: InstanceSettings, before: InstanceSettings | undefined): void {
  const { StorageType: type, AllocatedStorage: size, MaxAllocatedStorage: most, Iops } = settings;
  const bounds = Object.hasOwn(RDS_LIMITS.storage, type) ? RDS_LIMITS.storage[type] : undefined;
  if (!bounds) {
    throw value(`Invalid storage type: ${shown(type)}. Valid: ${Object.keys(RDS_LIMITS.storage).join(', ')}.`);
  }
  const isWithin = (gib: number) => Number.isInteger(gib) && gib >= bounds.min && gib <= bounds.max;
  if (!isWithin(size) || size < (before?.AllocatedStorage ?? 0)) {
    throw combination(`Invalid storage size for engine name postgres and storage type ${type}: ${size}`);
  }
  if (most !== undefined && (!isWithin(most) || most < size)) {
    throw combination(`Invalid max storage size for engine name postgres and storage type ${type}: ${most}`);
  }
  if (RDS_LIMITS.provisionedIops.includes(type) && Iops === undefined) {
    throw combination(`The parameter Iops must be provided for storage type ${type}.`);
  }
  refusePerformance(settings);
}

function refusePerformance(settings: InstanceSettings): void {
  const { StorageType: type, AllocatedStorage: size } = settings;
  const limits = Object.hasOwn(RDS_LIMITS.provisioned, type) ? RDS_LIMITS.provisioned[type] : undefined;
  for (const [name, bounds] of [['Iops', limits?.iops] as const, ['StorageThroughput', limits?.throughput] as const]) {
    const asked = settings[name];
    if (asked === undefined) continue;
    if (!limits || !bounds) throw combination(`The parameter ${name} cannot be specified for storage type ${type}.`);
    if (size < limits.fromGib) {
      throw combination(
        `You can't specify IOPS or storage throughput for engine postgres and a storage size less than ${limits.fromGib}.`,
      );
    }
    if (!Number.isInteger(asked) || asked < bounds.min || asked > bounds.max) {
      throw combination(`Invalid ${name} for storage type ${type}: ${asked}. Must be ${bounds.min} to ${bounds.max}.`);
    }
  }
}

function refuseWindows({
  PreferredBackupWindow: backup,
  PreferredMaintenanceWindow: maintenance,
}: InstanceSettings): void {
  const daily = dailyWindow(backup);
  if (!daily)
    throw value(`Invalid backup window format: ${shown(backup)}. Should be specified as a range hh24:mi-hh24:mi.`);
  const weekly = weeklyWindow(maintenance);
  if (!weekly) {
    throw value(
      `Invalid maintenance window format: ${shown(maintenance)}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi.`,
    );
  }
  const { windowMinutes } = RDS_LIMITS;
  if (daily.minutes < windowMinutes) throw value(`The backup window must be at least ${windowMinutes} minutes.`);
  if (weekly.minutes < windowMinutes) throw value(`The maintenance window must be at least ${windowMinutes} minutes.`);
  if (windowsOverlap(daily, weekly)) throw value('The backup window and maintenance window must not overlap.');
}
