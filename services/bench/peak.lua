-- One caller that asks 1,000 times a minute.
dofile("beyond.lua")
function delay() return 60 end
