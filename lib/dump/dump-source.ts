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
   * A secret with `username` and `password`, as RDS and CDK write them. The user must be able to read every table; from
   * version 14 on, membership in `pg_read_all_data` is enough.
   *
   * @default - the secret of the master user of an instance of this app
   */
  readonly credentials?: secretsmanager.ISecret;

  /**
   * The database in the instance to dump.
   *
   * @default - the instance's initial database, if this app states it
   */
  readonly databaseName?: string;

  /**
   * Major version of PostgreSQL, as in '17'. pg_dump refuses servers newer than itself.
   *
   * @default - the instance's, if this app states it
   */
  readonly postgresVersion?: string;
}

/** A server that is connected to without TLS. */
export interface UnencryptedServerOptions {
  /** Name or address by which the task reaches the server, as in `db.shop.internal`. */
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
   * A secret with `username` and `password`. The user must be able to read every table; from version 14 on, membership
   * in `pg_read_all_data` is enough.
   */
  readonly credentials: secretsmanager.ISecret;

  /**
   * Major version of the server, as in '16', which is the version of the image. pg_dump refuses servers newer than
   * itself, so upgrade both together. A later pg_dump could read the server, but an older pg_restore might not read its
   * dumps.
   */
  readonly postgresVersion: string;

  /**
   * Security groups of the server, as in `instance.connections.securityGroups`. Synth then warns when none of them
   * allows the dump.
   *
   * @default - unknown, so not checked
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/**
 * A server whose certificate is verified: its authority and its name. The certificate must have `host` as a subject
 * alternative name. For an IP address that works only from version 15 on; before, libpq compares it with the common
 * name.
 * https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export interface ServerOptions extends UnencryptedServerOptions {
  /**
   * Certificates of the authorities that signed the server's certificate, as PEM, up to their roots (libpq's root
   * certificate), or the server's own if it is self-signed. They are public, and become part of the task definition. Up
   * to 32 KiB. When an authority is replaced, state both until the server has its new certificate.
   */
  readonly certificateAuthorities: string;
}

/** The authorities that verify the server's identity. */
type Trust = 'RDS' | 'nobody' | { readonly authorities: string };

interface Dumped {
  readonly host: string;
  readonly port: number;
  readonly databaseName: string | undefined;
  readonly credentials: secretsmanager.ISecret | undefined;
  readonly postgresVersion: string | undefined;
  readonly securityGroups: readonly ec2.ISecurityGroup[];
}

/** Which PostgreSQL database is dumped. Its security groups must allow the dump's `connections`. */
export class DumpSource {
  /** A database of an RDS instance, of this app or imported. Its certificate is verified with RDS's authorities. */
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

  /** A database of a server of your own, over TLS with its certificate verified. */
  public static server(options: ServerOptions): DumpSource {
    return new DumpSource(onServer(options), { authorities: certificatesIn(options.certificateAuthorities) });
  }

  /**
   * A database of a server of your own without TLS. All rows cross the network in plain text, and the server's identity
   * is not verified, so synth warns of it. Its user must log in with SCRAM, which does not send the password; images
   * from version 16 on require that of the server.
   */
  public static unencryptedServer(options: UnencryptedServerOptions): DumpSource {
    return new DumpSource(onServer(options), 'nobody');
  }

  private constructor(
    private readonly dumped: Dumped,
    /** The authorities to trust. */
    public readonly trust: Trust,
    /** The database, if it is of RDS. */
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

  /** The source as a peer of a security group rule. A name may resolve to any address. */
  public get peer(): ec2.IPeer {
    const family = Token.isUnresolved(this.host) ? 0 : isIP(this.host);
    if (family === 6) return ec2.Peer.ipv6(`${this.host}/128`);
    return family === 4 ? ec2.Peer.ipv4(`${this.host}/32`) : ec2.Peer.anyIpv4();
  }

  public get tcp(): ec2.Port {
    return ec2.Port.tcp(this.dumped.port);
  }

  /** Security groups that have to allow the dump, if known at synth. */
  public get ingressGroups(): readonly ec2.ISecurityGroup[] {
    if (!this.database) return this.dumped.securityGroups;
    return new SourceDatabase(this.database).resource ? this.database.connections.securityGroups : [];
  }

  /** Problems that would make each dump fail, one sentence each. */
  public get problems(): string[] {
    const { database, trust, databaseName } = this;
    const problems: string[] = [];
    const engine = database && known(new SourceDatabase(database).engine);
    if (engine !== undefined && engine !== 'postgres') {
      problems.push(`the database runs ${engine}, and pg_dump reads only PostgreSQL; dump a PostgreSQL instance`);
    }
    if (!database) problems.push(...serverProblems(this.host, this.dumped.port));
    if (typeof trust === 'object') problems.push(...authorityProblems(trust.authorities));
    if (!this.credentials) problems.push("'credentials' is missing, so the dump could not connect; state a secret");
    if (!databaseName) {
      problems.push("'databaseName' is missing, so an empty database would be dumped; state it in the DumpSource");
    }
    return problems;
  }

  public toString(): string {
    if (this.database) return `database '${this.database.node.path}'`;
    return Token.isUnresolved(this.host) ? 'the server' : `server '${this.host}'`;
  }
}

/** Only instances of this app have one. */
function masterSecret(database: rds.IDatabaseInstance): secretsmanager.ISecret | undefined {
  return 'secret' in database ? (database as rds.DatabaseInstance).secret : undefined;
}

const onServer = (options: UnencryptedServerOptions): Dumped => ({
  ...options,
  port: options.port ?? 5432,
  securityGroups: options.securityGroups ?? [],
});
