-- read_due: rooms in which something has been due for a while, and no node has ended it. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  late: for how many milliseconds, most: how many rooms
-- answer   {due: [room]}
return answer.give({ due = redis.call('ZRANGEBYSCORE', prefix .. 'due', '-inf', clock.now - ask.late,
  'LIMIT', 0, ask.most) })
