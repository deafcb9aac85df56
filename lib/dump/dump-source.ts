import { isIP } from 'node:net';
import { Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { SourceDatabase } from '../database/source-database';
import { known } from '../synth/tokens';
import { authorityProblems, certificatesIn, serverProblems } from './server-limits';

export interface DumpedDatabaseOptions {
  /**
   * User and password, as RDS and CDK write them: `username` and `password`. The user must be able to read every table;
   * from version 14 on, a member of `pg_read_all_data` can, and nothing more.
   *
   * @default - the secret that an instance of this app has for its master user
   */
  readonly credentials?: secretsmanager.ISecret;

  /**
   * The database in the instance to dump.
   *
   * @default - the instance's initial database, where this app names one
   */
  readonly databaseName?: string;

  /**
   * Major version of PostgreSQL, as in '17'. pg_dump refuses servers newer than itself.
   *
   * @default - the instance's, where this app names it
   */
  readonly postgresVersion?: string;
}

/** A server that is reached without TLS. */
export interface UnencryptedServerOptions {
  /** Name or address under which the task reaches it, as in `db.shop.internal`. */
  readonly host: string;

  /**
   * 1 to 65535.
   *
   * @default 5432
   */
  readonly port?: number;

  /** The database in the server to dump. */
  readonly databaseName: string;

  /**
   * A secret with `username` and `password`. The user must be able to read every table; from version 14 on, a member of
   * `pg_read_all_data` can, and nothing more.
   */
  readonly credentials: secretsmanager.ISecret;

  /**
   * Major version of the server, as in '16'; it names the image that dumps. pg_dump refuses servers newer than itself, so
   * upgrade both together. A later one would read the server, but only its own pg_restore would read what it wrote.
   */
  readonly postgresVersion: string;

  /**
   * Groups that the server is in, as in `instance.connections.securityGroups`. Synth then tells when none of them lets the
   * dump in.
   *
   * @default - not known, so not looked at
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/**
 * A server whose certificate is verified: by its authority, and by its name. The certificate has to name the `host` as a
 * subject alternative name. An address counts as one only from version 15 on; before, libpq takes it as the common name.
 * https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export interface ServerOptions extends UnencryptedServerOptions {
  /**
   * Certificates of the authorities that signed the server's, as PEM, up to their roots: what libpq calls a root
   * certificate, or the server's own where that signed itself. They are public, and become part of the task's definition.
   * Up to 32 KiB. When an authority is replaced, state both until the server has its new certificate.
   */
  readonly certificateAuthorities: string;
}

/** Who says that a server is the one that is meant. */
type Trust = 'RDS' | 'nobody' | { readonly authorities: string };

interface Dumped {
  readonly host: string;
  readonly port: number;
  readonly databaseName: string | undefined;
  readonly credentials: secretsmanager.ISecret | undefined;
  readonly postgresVersion: string | undefined;
  readonly securityGroups: readonly ec2.ISecurityGroup[];
}

/** Which PostgreSQL database is dumped. It must let the dump's `connections` in. */
export class DumpSource {
  /** One of an RDS instance, of this app or imported. Its certificate is verified by RDS's authorities. */
  public static database(database: rds.IDatabaseInstance, options: DumpedDatabaseOptions = {}): DumpSource {
    const { port, resource } = new SourceDatabase(database);
    const dumped: Dumped = {
      host: database.dbInstanceEndpointAddress,
      port,
      databaseName: options.databaseName ?? resource?.dbName,
      credentials: options.credentials ?? masterSecret(database),
      postgresVersion: options.postgresVersion ?? database.engine?.engineVersion?.majorVersion,
      securityGroups: [],
    };
    return new DumpSource(dumped, 'RDS', database);
  }

  /** One of a server of your own, reached by TLS that is verified by its authority and its name. */
  public static server(options: ServerOptions): DumpSource {
    return new DumpSource(onServer(options), { authorities: certificatesIn(options.certificateAuthorities) });
  }

  /**
   * One of a server of your own that has no TLS. All rows cross the network as they are, and nothing proves that it is the
   * server, so synth warns of it. Its user must log in by SCRAM, so that the password doesn't cross it, too; images from
   * version 16 on hold the server to that.
   */
  public static unencryptedServer(options: UnencryptedServerOptions): DumpSource {
    return new DumpSource(onServer(options), 'nobody');
  }

  private constructor(
    private readonly dumped: Dumped,
    /** Whose certificates are taken. */
    public readonly trust: Trust,
    /** The database, where it is one of RDS. */
    public readonly database?: rds.IDatabaseInstance,
  ) {}

  public get host(): string {
    return this.dumped.host;
  }

  public get port(): string {
    return this.database?.dbInstanceEndpointPort ?? String(this.dumped.port);
  }

  public get databaseName(): string | undefined {
    return this.dumped.databaseName;
  }

  public get credentials(): secretsmanager.ISecret | undefined {
    return this.dumped.credentials;
  }

  public get postgresVersion(): string | undefined {
    return this.dumped.postgresVersion;
  }

  /** Where the source is, as a rule of a security group has it. A name may stand for any address. */
  public get peer(): ec2.IPeer {
    const family = Token.isUnresolved(this.host) ? 0 : isIP(this.host);
    if (family === 6) return ec2.Peer.ipv6(`${this.host}/128`);
    return family === 4 ? ec2.Peer.ipv4(`${this.host}/32`) : ec2.Peer.anyIpv4();
  }

  public get tcp(): ec2.Port {
    return ec2.Port.tcp(this.dumped.port);
  }

  /** Groups that have to let the dump in, where synth knows them. */
  public get ingressGroups(): readonly ec2.ISecurityGroup[] {
    if (!this.database) return this.dumped.securityGroups;
    return new SourceDatabase(this.database).resource ? this.database.connections.securityGroups : [];
  }

  /** What would keep each dump from reading it, one sentence each. */
  public get problems(): string[] {
    const { database, trust, databaseName } = this;
    const problems: string[] = [];
    const engine = database && known(new SourceDatabase(database).engine);
    if (engine !== undefined && engine !== 'postgres') {
      problems.push(`it runs ${engine}, and pg_dump reads PostgreSQL only; dump a PostgreSQL instance`);
    }
    if (!database) problems.push(...serverProblems(this.host, this.dumped.port));
    if (typeof trust === 'object') problems.push(...authorityProblems(trust.authorities));
    if (!this.credentials) problems.push("there is no secret to connect with; name one as 'credentials'");
    if (!databaseName) {
      problems.push("no database is named, and an empty one would be dumped; give 'databaseName' to the DumpSource");
    }
    return problems;
  }

  public toString(): string {
    if (this.database) return `database '${this.database.node.path}'`;
    return Token.isUnresolved(this.host) ? 'the server' : `server '${this.host}'`;
  }
}

/** Only what this app makes has one. */
function masterSecret(database: rds.IDatabaseInstance): secretsmanager.ISecret | undefined {
  return 'secret' in database ? (database as rds.DatabaseInstance).secret : undefined;
}

const onServer = (options: UnencryptedServerOptions): Dumped => ({
  ...options,
  port: options.port ?? 5432,
  securityGroups: options.securityGroups ?? [],
});
