/** Another try would meet the same: says what is in the way, by name, and what to do. Never holds values of rows. */
export class TablesRefused extends Error {
  public override name = 'TablesRefused';
}
