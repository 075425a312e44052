// What a plugin's tests are written with.

export { startTestHouse, TestHouse } from './test-house.ts'
export type { PluginFiles, TestHouseOptions } from './test-house.ts'
export { TestClock } from './test-clock.ts'
