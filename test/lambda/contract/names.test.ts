import { automatedSnapshots, isAutomatedOf, isCopyOf, snapshotCopies } from '../../../lambda/contract';

describe('a name is told by the pattern that IAM has of it', () => {
  test.each([
    ['rds:orders-2026-11-09-03-05', true],
    ['rds:orders-2026-11-09-03-05-before-upgrade', false],
    ['rds:orders-archive-2026-11-09-03-05', false],
    ['orders-2026-11-09-03-05', false],
    ['rds:orders-2026-11-09', false],
    [undefined, false],
  ])('an automated snapshot of orders: %s, %s', (name, expected) => {
    expect(automatedSnapshots('orders')).toBe('rds:orders-20??-??-??-??-??');
    expect(isAutomatedOf('orders', name)).toBe(expected);
  });

  test.each([
    ['lifeboat-1a2b3c4d-orders-2026-11-09-03-05', true],
    ['lifeboat-1a2b3c4d-orders-archive-2026-11-09-03-05', false],
    ['lifeboat-1a2b-orders-2026-11-09-03-05', false],
    [undefined, false],
  ])('a copy of one: %s, %s', (name, expected) => {
    expect(snapshotCopies('orders')).toBe('lifeboat-????????-orders-20*');
    expect(isCopyOf('orders', name)).toBe(expected);
  });

  test('no character of a name is taken for a pattern', () => {
    expect(isAutomatedOf('a.b', 'rds:axb-2026-11-09-03-05')).toBe(false);
  });
});
