-- What the last artifact of any chain was made from, ten edges deep.
require "common"

function request()
    local last = options.last_artifact + any(options.chains) * options.artifacts
    return wrk.format("GET", "/api/v1/nodes/" .. last .. "/lineage?direction=upstream&depth=10")
end
