-- revoke_login: a login ended; everything under it goes at once, in every room.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  user, login
-- answer   {ended: the sessions to close}
local function is_under(it)
  return it.login == ask.login
end

return answer.of_each(follow.rooms_of(ask.user), function(room)
  seats.expire(room)
  seats.drop_reservation(room, ask.user, 'logged_out', is_under)
  local _, sessions = seats.end_parts(room, ask.user, 'logged_out', is_under)
  local waiter = line.get(room, ask.user)
  if waiter and is_under(waiter) then
    line.leave(room, ask.user, 'logged_out')
  end
  seats.finish(room)
  return sessions
end)
