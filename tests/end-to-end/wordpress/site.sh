#!/usr/bin/env bash
# A real WordPress on the loopback interface, for tests: its own database, its own copy of the code, its own
# folder. Everything lives under DIR and ends with `stop`; nothing is registered as a system service.
#
#   site.sh can-install       exit 0 when the packages are there or can be had, 77 when not
#   site.sh install           installs Debian's packages (needs root); 77 when they cannot be had
#   site.sh start DIR PORT    creates the site in DIR if it is new, serves it on 127.0.0.1:PORT
#   site.sh seed DIR          fills it (sizes: POSTS PAGES MEDIA COMMENTS CATEGORIES TAGS, see seed.php)
#   site.sh edit DIR          a defined set of later edits; prints as JSON what it did
#   site.sh truth DIR         the site's own counts and ids, as JSON
#   site.sh state DIR         what the site holds, without ids, as JSON
#   site.sh incident DIR      what INCIDENT names, see incident.php
#   site.sh stop DIR          ends both servers; DIR stays
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=(wordpress wordpress-theme-twentytwentythree wordpress-theme-twentytwentyone
  php-cli php-mysql php-gd php-curl php-xml php-mbstring mariadb-server curl)
wordpress_source=/usr/share/wordpress

say() { printf 'site: %s\n' "$*" >&2; }
die() { printf 'site: %s\n' "$*" >&2; exit 1; }
skip() { printf 'SKIPPED: %s\n' "$*"; exit 77; }

installed() {
  [[ -e $wordpress_source/wp-load.php ]] && command -v php mariadbd mariadb-install-db curl >/dev/null &&
    [[ -d $wordpress_source/wp-content/themes/twentytwentythree ]] &&
    php -r 'exit(extension_loaded("mysqli") && extension_loaded("gd") && extension_loaded("dom")
      && extension_loaded("mbstring") ? 0 : 1);'
}

can_install() {
  installed && return 0
  [[ $(id -u) == 0 ]] || skip "WordPress is not installed and installing it needs root"
  command -v apt-get >/dev/null || skip "WordPress is not installed and this is not a Debian system"
  apt-get update -qq >/dev/null 2>&1 || skip "apt-get update failed: Debian's packages are out of reach"
  apt-get install -s --no-install-recommends "${packages[@]}" >/dev/null 2>&1 ||
    skip "Debian's packages for WordPress cannot be installed here"
}

install_packages() {
  can_install
  installed && { say "packages are there"; return 0; }
  # The packages bring a web server and a database server that would start themselves. Nobody asked for those.
  local policy=/usr/sbin/policy-rc.d made_policy=no failed=no
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made_policy=yes
  fi
  local log
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >"$log" 2>&1 ||
    failed=yes
  [[ $made_policy == no ]] || rm -f "$policy"
  if [[ $failed == yes ]] || ! installed; then
    tail -5 "$log" >&2
    skip "apt-get could not install WordPress (full log: $log)"
  fi
  rm -f "$log"
  say "packages installed"
}

# PHP for the command line: mail goes nowhere, warnings go to DIR/php.log and never into the output.
php_in_site() {
  SITE_DIR=$dir php -d memory_limit=1G -d sendmail_path=/bin/true -d display_errors=0 -d log_errors=1 \
    -d error_log="$dir/php.log" -d opcache.enable_cli=1 "$@"
}

# Is the process in this pid file alive, and is it one of this folder's? A pid may have been given to another since.
alive() {
  local pid
  [[ -s $1 ]] && pid=$(<"$1") && [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir"
}

start_database() {
  alive "$dir/mariadb.pid" && return 0
  rm -f "$dir/mariadb.pid"
  local user
  user=$(id -un)
  if [[ ! -d $dir/db/mysql ]]; then
    mkdir -p "$dir/db"
    mariadb-install-db --no-defaults --datadir="$dir/db" --user="$user" --skip-test-db \
      --auth-root-authentication-method=normal >"$dir/mariadb.log" 2>&1 ||
      die "mariadb-install-db failed; see $dir/mariadb.log"
  fi
  # No TCP at all, and no waiting for the disk: the data lives only as long as the test.
  setsid mariadbd --no-defaults --datadir="$dir/db" --user="$user" --socket="$dir/db.sock" \
    --pid-file="$dir/mariadb.pid" --skip-networking --skip-log-bin --innodb-flush-log-at-trx-commit=0 \
    --innodb-doublewrite=0 --innodb-buffer-pool-size=256M --max-allowed-packet=64M \
    --character-set-server=utf8mb4 </dev/null >>"$dir/mariadb.log" 2>&1 &
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    mariadb-admin --no-defaults --socket="$dir/db.sock" --user=root ping >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  die "MariaDB did not answer within 30 s; see $dir/mariadb.log"
}

lay_files() {
  [[ -e $dir/www/wp-config.php ]] && return 0
  say "laying the files"
  # Debian replaces bundled libraries by links to its own, relative ones: copy what they point to.
  mkdir -p "$dir/www" && cp -rL "$wordpress_source/." "$dir/www/"
  rm -f "$dir/www/wp-config.php" "$dir/www/.htaccess"
  mkdir -p "$dir/www/wp-content/uploads" "$dir/www/wp-content/mu-plugins" "$dir/www/wp-content/plugins"
  cp "$here"/mu-plugins/*.php "$dir/www/wp-content/mu-plugins/"
  cp -r "$here"/plugins/* "$dir/www/wp-content/plugins/"
  cp "$here/router.php" "$dir/router.php"
  cp "$here/wp-config.php" "$dir/www/wp-config.php"
  # Keys of this site alone, made now: nothing secret is in the repository.
  # shellcheck disable=SC2016 # These dollars are PHP's.
  php -r 'echo "<?php\n";
    foreach (["AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"] as $name)
      foreach (["KEY", "SALT"] as $kind)
        printf("define(\"%s_%s\", \"%s\");\n", $name, $kind, bin2hex(random_bytes(32)));' >"$dir/keys.php"
  chmod 600 "$dir/keys.php"
}

start_php() {
  if alive "$dir/php.pid"; then
    [[ -e $dir/port && $(<"$dir/port") == "$port" ]] && return 0
    end_process "$dir/php.pid" PHP
  fi
  printf '%s' "$port" >"$dir/port"
  PHP_CLI_SERVER_WORKERS=4 setsid php -S "127.0.0.1:$port" -t "$dir/www" -d memory_limit=512M \
    -d sendmail_path=/bin/true -d display_errors=0 -d log_errors=1 -d error_log="$dir/php.log" \
    -d upload_max_filesize=64M -d post_max_size=64M -d max_execution_time=120 \
    "$dir/router.php" </dev/null >>"$dir/access.log" 2>&1 &
  printf '%s' "$!" >"$dir/php.pid"
}

wait_for_site() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if curl -fsS -o /dev/null --max-time 10 "http://127.0.0.1:$port/wp-json/" 2>/dev/null; then
      # Something answers; make sure that it is ours and not another process on the same port.
      alive "$dir/php.pid" || die "port $port is taken by another process; see $dir/access.log"
      return 0
    fi
    alive "$dir/php.pid" || die "PHP's server ended at once (is port $port free?); see $dir/access.log"
    sleep 0.1
  done
  die "http://127.0.0.1:$port/wp-json/ did not answer within 30 s; see $dir/php.log"
}

start() {
  installed || die "WordPress is not installed; run: $0 install"
  [[ $port =~ ^[0-9]+$ ]] || die "PORT must be a number, not '$port'"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd -P)
  ((${#dir} < 95)) || die "$dir is too long: the path of a socket has at most 107 characters"
  start_database
  lay_files
  if [[ ! -e $dir/installed ]]; then
    say "installing the site"
    mariadb --no-defaults --socket="$dir/db.sock" --user=root \
      -e 'CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4'
    SITE_PORT=$port php_in_site "$here/setup.php" || die "the installation failed; see $dir/php.log"
    touch "$dir/installed"
  fi
  start_php
  wait_for_site
  say "http://127.0.0.1:$port/ is up"
}

# Ends the whole process group of a pid file (PHP's workers outlive their parent otherwise).
end_process() {
  local file=$1 name=$2 pid tries
  if alive "$file"; then
    pid=$(<"$file")
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
      [[ -d /proc/$pid ]] || break
      sleep 0.1
    done
    if [[ -d /proc/$pid ]]; then
      kill -KILL -- "-$pid" 2>/dev/null || true
      say "$name had to be killed"
    fi
  fi
  rm -f "$file"
}

stop() {
  end_process "$dir/php.pid" PHP
  end_process "$dir/mariadb.pid" MariaDB
  rm -f "$dir/db.sock"
  say "stopped"
}

existing_site() {
  [[ -d $dir ]] || die "there is no folder $dir"
  dir=$(cd "$dir" && pwd -P)
}

running_site() {
  existing_site
  alive "$dir/mariadb.pid" || die "the site in $dir is not running; run: $0 start $dir PORT"
}

command=${1:-}
dir=${2:-}
port=${3:-}
case $command in
  can-install) can_install && say "can be installed" ;;
  install) install_packages ;;
  start) [[ -n $dir && -n $port ]] || die "usage: $0 start DIR PORT"; start ;;
  seed | edit | truth | state | incident)
    [[ -n $dir ]] || die "usage: $0 $command DIR"
    running_site
    php_in_site "$here/$command.php" || die "$command failed; see $dir/php.log"
    ;;
  stop) [[ -n $dir ]] || die "usage: $0 stop DIR"; existing_site; stop ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
