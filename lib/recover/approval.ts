import { Duration } from 'aws-cdk-lib';
import type { Approval as ApprovalContract } from '../../lambda/contract';
import { refuseOtherUnits } from '../synth/durations';

export interface ApprovalOptions {
  /**
   * How long a recovery waits for it. After that it ends, and nothing of production is changed.
   *
   * @default Duration.hours(4)
   */
  readonly timeout?: Duration;
}

const TIMEOUT = Duration.hours(4);

/** The person who has to agree to what a recovery would change, before anything of production is changed. */
export class Approval {
  /** Somebody else than the person who started it. Both prove who they are by a signed call of STS. */
  public static byAnother(options: ApprovalOptions = {}): Approval {
    return new Approval({ timeoutSeconds: timeoutOf(options) });
  }

  /** Anyone who may approve, the person who started it among them: for teams with one person on call. */
  public static byAnyone(options: ApprovalOptions = {}): Approval {
    return new Approval({ byStarter: true, timeoutSeconds: timeoutOf(options) });
  }

  /** It is not asked for: anyone who may start a recovery replaces the database of production. */
  public static waived(): Approval {
    return new Approval({ waived: true, timeoutSeconds: TIMEOUT.toSeconds() });
  }

  private constructor(
    /** The approval in the contract. */
    public readonly request: ApprovalContract,
  ) {}
}

function timeoutOf({ timeout = TIMEOUT }: ApprovalOptions): number {
  refuseOtherUnits('approval', { timeout });
  return timeout.toSeconds();
}
