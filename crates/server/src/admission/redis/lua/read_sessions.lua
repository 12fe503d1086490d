-- read_sessions: the live sessions of a user, in every room. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  user
-- answer   {sessions: [[room, session]]}
local sessions = {}
for _, id in ipairs(redis.call('SMEMBERS', prefix .. 'user:' .. ask.user .. ':rooms')) do
  local room = rooms.open(id)
  local slot = room and rooms.slot(room, ask.user)
  for _, part in ipairs(slot and slot.live or {}) do
    table.insert(sessions, { id, part.session })
  end
end
return answer.give({ sessions = sessions })
