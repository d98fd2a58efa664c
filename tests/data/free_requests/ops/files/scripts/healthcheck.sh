#!/bin/sh
# Says whether each service is configured; does not touch the network.
for name in web worker db; do
    if [ -f "deploy/$name.yaml" ]; then
        echo "$name ok"
    else
        echo "$name MISSING"
    fi
done
