-- Keep one session. KEYS: session, the sessions of its person. ARGV: data, this session's name, what every session's
-- key begins with, idle and absolute limit (ms), how many one person may have.
local session, persons = KEYS[1], KEYS[2]
local name, prefix, most = ARGV[2], ARGV[3], tonumber(ARGV[6])
local idle, absolute = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- Lua would write 1.7e+12 for a time.
local ends = string.format('%.0f', now + absolute)

redis.call('HSET', session, 'data', ARGV[1], 'ends', ends, 'of', persons)
redis.call('PEXPIREAT', session, string.format('%.0f', now + math.min(idle, absolute)))
redis.call('ZADD', persons, ends, name)
redis.call('PEXPIREAT', persons, ends)
-- The oldest go; all of these keys have one hash tag.
while redis.call('ZCARD', persons) > most do
  redis.call('DEL', prefix .. redis.call('ZPOPMIN', persons)[1])
end
return 1
