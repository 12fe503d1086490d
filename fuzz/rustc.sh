#!/bin/sh
# Stands in front of the compiler (RUSTC_WRAPPER): our own crates report to the fuzzer which ways were taken and
# what was compared; everything else is built as always, and so need not be built again.
case " $* " in
*" --crate-name anteroom"*)
    exec "$@" -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
