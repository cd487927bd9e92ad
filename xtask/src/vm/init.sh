#!/bin/busybox sh
# The first process of the virtual machine: captures some HTTP traffic of its own, says what held, and powers off.
#
# Each check prints one line that xtask reads: "plainsight-check: pass NAME" or "plainsight-check: fail NAME: WHY".

/bin/busybox mkdir -p /proc /sys /tmp /www
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up

CLIENTS=4
REQUESTS_OF_EACH=15
REQUESTS=$((CLIENTS * REQUESTS_OF_EACH))

pass() { echo "plainsight-check: pass $1"; }
fail() {
    echo "plainsight-check: fail $1: $2"
    failed=1
}

# expect NAME COMMAND...: the command must succeed; what it printed is shown if it does not.
expect() {
    name=$1
    shift
    if "$@" >/tmp/said 2>&1; then
        pass "$name"
    else
        fail "$name" "$* ended with $?"
        cat /tmp/said
    fi
}

# lacks_btf NAME COMMAND...: the command must end with 3 and say that BTF is missing.
lacks_btf() {
    name=$1
    shift
    timeout 20 "$@" >/tmp/said 2>&1
    status=$?
    if [ $status -ne 3 ]; then
        fail "$name" "ended with $status instead of 3"
    elif ! grep -q BTF /tmp/said; then
        fail "$name" "did not say that BTF is missing"
    else
        pass "$name"
        return
    fi
    cat /tmp/said
}

# wait_for FILE WORD PROCESS: until the file holds the word; in vain once the process has ended, or after two minutes.
# Kernels before 6 take half a minute under emulation to verify the programs.
wait_for() {
    for _ in $(seq 1200); do
        grep -q "$2" "$1" && return 0
        [ -e "/proc/$3/exe" ] || return 1
        sleep 0.1
    done
    return 1
}

# ended_in_time PROCESS: whether it ends by itself within ten seconds.
ended_in_time() {
    for _ in $(seq 100); do
        [ -e "/proc/$1/exe" ] || return 0
        sleep 0.1
    done
    return 1
}

# seen SIDE PORT: how many exchanges of that side with the server at that port were reported.
seen() {
    grep '"protocol":"http"' /tmp/exchanges | grep "\"side\":\"$1\"" | grep -c "\"port\":$2[,}]"
}

# ask URL: makes the requests of one client, and notes which were answered.
ask() {
    for number in $(seq $REQUESTS_OF_EACH); do
        wget -q -O /dev/null "$1&number=$number" && echo "$1&number=$number" >>/tmp/answered
    done
}

# capture NAME HOST PORT: requests to a server at that address must all be seen, from both ends.
capture() {
    name=$1
    interrupt="$name: an interrupt ends the capture in order"
    : >/tmp/exchanges
    : >/tmp/messages
    httpd -f -p "$2:$3" -h /www &
    server=$!
    plainsight watch --json --for 200s >/tmp/exchanges 2>/tmp/messages &
    probe=$!
    if ! wait_for /tmp/messages watching $probe; then
        kill -9 $probe $server 2>/dev/null
        fail "$name" "plainsight watch did not say that it is watching"
        fail "$interrupt" "there was no capture"
        cat /tmp/messages
        return
    fi
    # On the one CPU there is, clients at once and a thread that never rests: a kernel that preempts threads while a
    # program of ours runs does so here.
    while :; do :; done &
    restless=$!
    clients=
    : >/tmp/answered
    for client in $(seq $CLIENTS); do
        ask "http://$2:$3/page.html?client=$client" &
        clients="$clients $!"
    done
    wait $clients
    kill $restless
    answered=$(wc -l </tmp/answered)
    sleep 1
    kill -INT $probe
    ended_in_time $probe || kill -9 $probe
    wait $probe
    status=$?
    kill $server
    counts="answered $answered, client $(seen client "$3"), server $(seen server "$3")"
    if [ "$counts" = "answered $REQUESTS, client $REQUESTS, server $REQUESTS" ]; then
        pass "$name"
    else
        fail "$name" "$counts, of $REQUESTS requests"
        head -n 50 /tmp/exchanges
        cat /tmp/messages
    fi
    if [ $status -eq 0 ]; then
        pass "$interrupt"
    else
        fail "$interrupt" "ended with $status"
        cat /tmp/messages
    fi
}

echo "plainsight-check: plan 10"
echo "running $(uname -r)"
echo "<p>a small page</p>" >/www/page.html

expect "the kernel carries BTF" test -r /sys/kernel/btf/vmlinux
expect "doctor finds nothing missing" timeout 60 plainsight doctor
# The socket layer has the tracepoints since 6.3.
release=$(uname -r)
minor=${release#*.}
minor=${minor%%[!0-9]*}
if [ "${release%%.*}" -gt 6 ] || [ "${release%%.*}" -eq 6 ] && [ "$minor" -ge 3 ]; then
    hook=sock_send_length
else
    hook=sys_exit
fi
timeout 60 plainsight doctor >/tmp/doctor 2>&1
expect "calls are watched by way of $hook" grep "$hook  *attaches" /tmp/doctor
capture "HTTP over IPv4 is seen from both ends" 127.0.0.1 8080

# From here on everything runs in a group that is named like a container's, in the hierarchy of version 2.
container=$(printf 'c0ffee00%.0s' 1 2 3 4 5 6 7 8)
mkdir -p "/sys/fs/cgroup/docker/$container"
echo $$ >"/sys/fs/cgroup/docker/$container/cgroup.procs"
capture "HTTP over IPv6 is seen from both ends" "[::1]" 8081
grep '"exe":"/bin/busybox"' /tmp/exchanges | grep "\"container\":{\"id\":\"$container\"" >/tmp/named
expect "processes of a moment are named, with their container by version 2" test "$(wc -l </tmp/named)" -eq $((2 * REQUESTS))
# Those that are not, for whoever has to find out why.
grep '"side"' /tmp/exchanges | grep -v -F -x -f /tmp/named

mount -t tmpfs tmpfs /sys/kernel/btf
lacks_btf "doctor names the lack of BTF" plainsight doctor
lacks_btf "watch names the lack of BTF" plainsight watch --json --for 1s

if [ -n "$failed" ]; then
    echo "the last messages of the kernel:"
    dmesg | tail -n 20
fi
echo "plainsight-check: done"
sync
poweroff -f
