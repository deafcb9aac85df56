/** Checks a construct by cdk-nag's packs, in a stack of its own. */
import { App, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';

export function passesNag(build: (stack: Stack) => void): void {
  const app = new App();
  build(new Stack(app, 'Alone'));
  Validations.of(app).addPlugins(
    ...[AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app)),
  );
  expect(() => app.synth()).not.toThrow();
}
