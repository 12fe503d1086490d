-- abort: the entry failed; what it replaced is restored, or the seat is returned.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, session
-- answer   {}
local room = rooms.open(ask.room)
if not room and redis.call('SISMEMBER', prefix .. 'rooms', ask.room) == 1 then
  return answer.no_room(ask.room)
end
if room then
  seats.expire(room)
  local text = redis.call('HGET', room.key .. ':entering', ask.session)
  redis.call('HDEL', room.key .. ':entering', ask.session)
  local entry = text and cjson.decode(text)
  if entry and not entry.ended then
    seats.alter(room, entry.user, 'aborted', function(slot)
      sitting.remove(slot, ask.session, nil)
    end)
  end
  seats.finish(room)
  follow.step(room)
end
places.forget(ask.user, ask.session)
return answer.give({})
