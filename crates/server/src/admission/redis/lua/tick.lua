-- Every script that may change something counts a step, and keeps the clock, before anything else.
clock.step = clock.step + 1
redis.call('HSET', clock.key, 'last', clock.now, 'offset', clock.offset, 'step', clock.step,
  'run', clock.run, 'before', clock.before, 'from', clock.from)
