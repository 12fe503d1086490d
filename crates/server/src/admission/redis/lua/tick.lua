-- Every script that may change something counts a step, and keeps the clock, before anything else.
clock.step = clock.step + 1
redis.call('HSET', clock.key, 'last', clock.now, 'offset', clock.offset, 'step', clock.step,
  'run', clock.run, 'before', clock.before, 'from', clock.from)
if not clock.deployment or tonumber(clock.began or 0) < clock.life then
  redis.call('HSET', clock.key, 'deployment', call.deployment, 'life:' .. clock.node, clock.life)
end
