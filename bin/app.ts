/**
 * The CDK app: one system in one environment, `cdk deploy -c system=zephyr -c environment=staging`.
 */
import { App } from 'aws-cdk-lib';
import { addSystem } from '../examples';

const app = new App();
try {
  addSystem(app, app.node.tryGetContext('system'), app.node.tryGetContext('environment'));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
