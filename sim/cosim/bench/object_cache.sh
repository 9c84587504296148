#!/bin/sh
# Compiler front end for make: Verilator's run-time library is compiled once, not once per design.
# Usage: object_cache.sh COMPILER ARGUMENTS... -o OUTPUT SOURCE; KILN_OBJECT_CACHE names the folder.
for source; do :; done # the last argument
case ${source##*/} in
verilated*.cpp) ;;
verilator.cpp) [ -f Vtop.h ] || exec "$@" ;; # another bench's driver: its objects fit one design
*) exec "$@" ;;
esac
key=$({
    case ${source##*/} in
    verilator.cpp) printf '%s\n' "$@" && cat Vtop.h ;; # it includes this header
    *) printf '%s\n' "$@" | grep -v VM_COVERAGE ;;      # no other file looks at it
    esac
} | cksum | tr ' ' '-')
kept="$KILN_OBJECT_CACHE/${source##*/}-$key.o"
object=${source##*/}
object=${object%.cpp}.o
if [ -f "$kept" ]; then
    exec cp "$kept" "$object"
fi
"$@" || exit
mkdir -p "$KILN_OBJECT_CACHE"
cp "$object" "$kept.$$" && mv "$kept.$$" "$kept" # atomic: another process may do the same
