export const STACKS = 6;
export const DATABASES_PER_STACK = 40;
