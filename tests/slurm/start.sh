#!/usr/bin/env bash
# A Slurm of one node on this machine, for the tests: as root, on Debian or Ubuntu.
#
#   tests/slurm/start.sh         installs it if need be, starts it, waits until it takes jobs
#   tests/slurm/start.sh stop    cancels all jobs and stops it
#
# Does nothing where a Slurm answers already, and never touches one that it did not set up.
set -euo pipefail

conf=/etc/slurm/slurm.conf
mark="# Written by tests/slurm/start.sh"
state=/var/tmp/slurm-test
host=$(hostname -s)

answers() { timeout 10 sinfo --noheader >/dev/null 2>&1; }
ours() { [ -f "$conf" ] && head -1 "$conf" | grep -qxF "$mark"; }
fail() { echo "$*" >&2; exit 1; }

install_packages() {
  command -v slurmctld slurmd munged >/dev/null && return
  command -v apt-get >/dev/null || fail "Slurm is not installed, and there is no apt-get"
  echo "installing slurm-wlm and munge"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  # What the packages start themselves has no configuration yet.
  apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
}

write_conf() {
  local cpus
  cpus=$(nproc)
  # What the tests need is two tasks at once, on any machine.
  [ "$cpus" -ge 2 ] || cpus=2
  mkdir -p "$(dirname "$conf")" "$state/ctld" "$state/d"
  cat >"$conf" <<END
$mark
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# A job that was requeued waits until its credentials have expired: 120 s by default.
AuthInfo=cred_expire=5
CryptoType=crypto/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$(free -m | awk '/^Mem:/ {print $2}')
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=30
# Its jobs push those of the other aside.
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=2
END
}

start() {
  if answers; then
    echo "Slurm answers already"
    return
  fi
  [ "$(id -u)" -eq 0 ] || fail "a Slurm can be started by root only"
  if [ -f "$conf" ] && ! ours; then
    fail "$conf is of another Slurm, which does not answer; left alone"
  fi
  install_packages
  id munge >/dev/null || fail "there is no user munge"
  [ -f /etc/munge/munge.key ] || (umask 377 && head -c 128 /dev/urandom >/etc/munge/munge.key)
  install -d -o munge -g munge -m 0755 /run/munge
  install -d -o munge -g munge -m 0711 /var/lib/munge
  install -d -o munge -g munge -m 0700 /var/log/munge
  chown munge:munge /etc/munge/munge.key
  # Nobody answers: what an earlier one has left behind, jobs that it believes in above all, is of
  # no use.
  stop_daemons
  rm -rf "$state"
  write_conf
  if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    setpriv --reuid=munge --regid=munge --clear-groups munged --force
    touch "$state/munged"
  fi
  slurmctld -c
  slurmd
  for _ in $(seq 40); do
    if timeout 10 sinfo --noheader --format=%T 2>/dev/null | grep -qE "idle|mixed|allocated"; then
      echo "Slurm takes jobs: $(sinfo --noheader --format='%n, %c CPUs, %m MB' | head -1)"
      return
    fi
    sleep 0.5
  done
  tail -20 "$state"/*.log >&2
  fail "Slurm was started, but takes no jobs"
}

stop_daemons() {
  local pid
  for daemon in slurmd slurmctld; do
    [ -f "$state/$daemon.pid" ] || continue
    pid=$(cat "$state/$daemon.pid")
    # The number may be another program's by now.
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$daemon" ]; then
      kill "$pid"
      for _ in $(seq 50); do
        [ -d "/proc/$pid" ] || break
        sleep 0.2
      done
    fi
    rm -f "$state/$daemon.pid"
  done
}

stop() {
  ours || { echo "no Slurm of these tests is set up"; return; }
  if answers; then
    squeue --noheader --format=%A | sort -u | xargs --no-run-if-empty scancel
    for _ in $(seq 40); do
      [ -n "$(squeue --noheader)" ] || break
      sleep 0.5
    done
  fi
  stop_daemons
  if [ -f "$state/munged" ] && [ -f /run/munge/munged.pid ]; then
    kill "$(cat /run/munge/munged.pid)" 2>/dev/null || true
  fi
  rm -rf "$conf" "$state"
  echo "Slurm is stopped"
}

case "${1:-start}" in
  start) start ;;
  stop) stop ;;
  *) fail "usage: $0 [start|stop]" ;;
esac
