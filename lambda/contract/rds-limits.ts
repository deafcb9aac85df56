interface ProvisionedStorage {
  readonly fromGib: number;
  readonly iops: Bounds;
  readonly throughput?: Bounds;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * What RDS for PostgreSQL refuses: one table for synth, which refuses before a deployment does, and for rehearsals,
 * which refuse as RDS would. Each has its own error messages.
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
 */
export const RDS_LIMITS = {
  /** Days that automated backups are kept; 0 turns them off. */
  retentionDays: { min: 0, max: 35 },
  /** Shortest backup and maintenance window. */
  windowMinutes: 30,
  /** Storage in GiB, by storage type. */
  storage: {
    gp2: { min: 20, max: 65_536 },
    gp3: { min: 20, max: 65_536 },
    io1: { min: 100, max: 65_536 },
    io2: { min: 100, max: 65_536 },
    standard: { min: 5, max: 3072 },
  } as Readonly<Record<string, Bounds>>,
  /**
   * Operations a second that may be named, by storage type, and MiB a second; gp3 has a fixed number of both below a
   * size.
   * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
   */
  provisioned: {
    gp3: { fromGib: 400, iops: { min: 12_000, max: 64_000 }, throughput: { min: 500, max: 4000 } },
    io1: { fromGib: 100, iops: { min: 1000, max: 256_000 } },
    io2: { fromGib: 100, iops: { min: 1000, max: 256_000 } },
  } as Readonly<Record<string, ProvisionedStorage>>,
  /** Storage types that require `iops`. */
  provisionedIops: ['io1', 'io2'] as readonly string[],
  licenseModel: 'postgresql-license',
  /** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html */
  certificateAuthorities: ['rds-ca-rsa2048-g1', 'rds-ca-rsa4096-g1', 'rds-ca-ecc384-g1'] as readonly string[],
  engines: [
    ...['aurora-mysql', 'aurora-postgresql', 'custom-oracle-ee', 'custom-oracle-ee-cdb', 'custom-oracle-se2'],
    ...['custom-oracle-se2-cdb', 'custom-sqlserver-ee', 'custom-sqlserver-se', 'custom-sqlserver-web'],
    ...['custom-sqlserver-dev', 'db2-ae', 'db2-ce', 'db2-se', 'mariadb', 'mysql', 'oracle-ee', 'oracle-ee-cdb'],
    ...['oracle-se2', 'oracle-se2-cdb', 'postgres', 'sqlserver-dev-ee', 'sqlserver-ee', 'sqlserver-se'],
    ...['sqlserver-ex', 'sqlserver-web'],
  ] as readonly string[],
  /** New instance families appear often, so only their form is checked, and the sizes of burstable and other ones. */
  instanceClass:
    /^db\.(t\d[a-z]?\.(micro|small|medium|large|2?xlarge)|[cmrxz]\d[a-z]*\.(medium|large|\d{0,2}xlarge|metal))$/,
  /** Names of the master user and of the first database. */
  name: /^[A-Za-z][A-Za-z0-9_]{0,62}$/,
} as const;

/**
 * Whether a name is reserved, so that no master user or first database can have it: words that PostgreSQL's grammar
 * reserves, its own roles and RDS's.
 */
export function isReservedName(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || lower.startsWith('pg_');
}

/** https://www.postgresql.org/docs/17/sql-keywords-appendix.html, those marked reserved for PostgreSQL. */
const SQL_RESERVED = `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint
  create current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
  distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading
  limit localtime localtimestamp not null offset on only or order placing primary references returning select
  session_user some symmetric system_user table then to trailing true union unique user using variadic when where window
  with`.split(/\s+/);
const RDS_RESERVED = ['admin', 'rdsadmin', 'rds_superuser', 'rds_replication', 'rds_password', 'rds_iam', 'rds_ad'];
const RESERVED = new Set([
  ...SQL_RESERVED,
  ...RDS_RESERVED,
  ...['rdsrepladmin', 'rdstopmgr', 'public', 'none', 'template0', 'template1'],
]);

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** A stretch of the day or of the week, in minutes of UTC; weeks begin on Sunday. */
export interface Window {
  readonly from: number;
  readonly minutes: number;
}

/** @param window `hh:mm-hh:mm`; undefined for any other form. An end before the start lies on the next day. */
export function dailyWindow(window: string): Window | undefined {
  return between(window.split('-').map(minuteOfDay), DAY);
}

/** @param window `ddd:hh:mm-ddd:hh:mm`; undefined for any other form */
export function weeklyWindow(window: string): Window | undefined {
  return between(window.toLowerCase().split('-').map(minuteOfWeek), WEEK);
}

/** Whether a daily and a weekly window overlap on any day. Adjacent windows do not overlap. */
export function windowsOverlap(daily: Window, weekly: Window): boolean {
  // Seen from the weekly window's start, each day's window begins at a point of the week.
  return WEEKDAYS.some((_, day) => {
    const offset = (day * DAY + daily.from - weekly.from + WEEK) % WEEK;
    return offset < weekly.minutes || offset + daily.minutes > WEEK;
  });
}

/** @param time `hh:mm`; undefined for any other form */
export function minuteOfDay(time: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

function minuteOfWeek(moment: string): number | undefined {
  const day = WEEKDAYS.indexOf(moment.slice(0, 3));
  const minute = moment[3] === ':' ? minuteOfDay(moment.slice(4)) : undefined;
  return day < 0 || minute === undefined ? undefined : day * DAY + minute;
}

function between([from, to, ...more]: (number | undefined)[], period: number): Window | undefined {
  if (from === undefined || to === undefined || more.length > 0) return undefined;
  return { from, minutes: (to - from + period) % period };
}
