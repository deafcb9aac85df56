/** Every shipped function: the file it is built from, and that file's room in `lambda/`. */
export const HANDLERS = {
  'apply-backup-settings': 'rds',
  'copy-snapshots': 'rds',
  'delete-expired': 'drill',
  'drill-restore': 'drill',
  examine: 'detectors',
  'export-cache': 'cache',
  'export-images': 'images',
  'export-snapshot': 'rds',
  'snapshot-before-deployment': 'rds',
  'snapshot-cache': 'cache',
  'store-configuration': 'configuration',
  'validate-restore': 'drill',
  'watch-backups': 'watch',
  'watch-copies': 'watch',
  'watch-database': 'rds',
  'watch-drills': 'drill',
} as const;
export type HandlerName = keyof typeof HANDLERS;
