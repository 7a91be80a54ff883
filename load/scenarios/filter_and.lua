-- A page of 100 of the versions that are at a stage and among the most accurate hundredth.
require "common"

function request()
    return filtered(string.format("stage = 'stage-%d' AND accuracy > 0.99", any(10)))
end
