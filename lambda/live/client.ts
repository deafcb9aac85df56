/** The examiner of recoveries, as conductors call it. */
import type {
  Databases,
  DatabasesTask,
  FenceBefore,
  FenceBeforeTask,
  Fenced,
  FenceLook,
  FenceLookTask,
  FenceTask,
  HealthTask,
  Healthy,
  Lifted,
  LiftFenceTask,
  LiveRequest,
  LiveResponse,
  Tally,
  TallyTask,
} from './protocol';

export interface Live {
  databases(task: Omit<DatabasesTask, 'task'>): Promise<Databases>;
  tally(task: Omit<TallyTask, 'task'>): Promise<Tally>;
  fenceBefore(task: Omit<FenceBeforeTask, 'task'>): Promise<FenceBefore>;
  fence(task: Omit<FenceTask, 'task'>): Promise<Fenced>;
  fenceLook(task: Omit<FenceLookTask, 'task'>): Promise<FenceLook>;
  liftFence(task: Omit<LiftFenceTask, 'task'>): Promise<Lifted>;
  health(task: Omit<HealthTask, 'task'>): Promise<Healthy>;
}

/** The tasks, done by a function, or in this process in rehearsals and tests. */
export function liveOf(ask: (request: LiveRequest) => Promise<LiveResponse>): Live {
  return {
    databases: (task) => ask({ task: 'databases', ...task }) as Promise<Databases>,
    tally: (task) => ask({ task: 'tally', ...task }) as Promise<Tally>,
    fenceBefore: (task) => ask({ task: 'fence-before', ...task }) as Promise<FenceBefore>,
    fence: (task) => ask({ task: 'fence', ...task }) as Promise<Fenced>,
    fenceLook: (task) => ask({ task: 'fence-look', ...task }) as Promise<FenceLook>,
    liftFence: (task) => ask({ task: 'lift-fence', ...task }) as Promise<Lifted>,
    health: (task) => ask({ task: 'health', ...task }) as Promise<Healthy>,
  };
}
