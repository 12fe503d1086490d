-- read_entries: how many entries are under way in all rooms. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  {}
-- answer   {count}
local count = 0
for _, id in ipairs(rooms.all()) do
  count = count + redis.call('HLEN', prefix .. 'room:' .. id .. ':entering')
end
return answer.give({ count = count })
