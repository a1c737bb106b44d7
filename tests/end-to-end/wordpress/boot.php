<?php
// Loads the WordPress of SITE_DIR for a script on the command line, acting as its first administrator.

$site_dir = getenv('SITE_DIR');
if (!$site_dir || !is_file("$site_dir/www/wp-load.php")) {
    fwrite(STDERR, "SITE_DIR names no site; run this through site.sh\n");
    exit(2);
}
set_time_limit(0);
$site_port = getenv('SITE_PORT') ?: trim((string) file_get_contents("$site_dir/port"));
$_SERVER['HTTP_HOST'] = "127.0.0.1:$site_port";
$_SERVER['SERVER_NAME'] = '127.0.0.1';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';

require "$site_dir/www/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/admin.php';

/** Ends the script with a message when WordPress answered an error instead of a value. */
function sure($value, string $what)
{
    if (is_wp_error($value)) {
        fwrite(STDERR, "$what: " . $value->get_error_message() . "\n");
        exit(1);
    }
    if ($value === false || $value === null || $value === 0) {
        fwrite(STDERR, "$what: WordPress answered nothing\n");
        exit(1);
    }
    return $value;
}

/** A size from the environment, or its default. */
function size(string $name, int $default): int
{
    $value = getenv($name);
    return $value === false || $value === '' ? $default : max(0, (int) $value);
}

function print_json($value): void
{
    echo json_encode($value, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

if (is_blog_installed() && !wp_installing()) {
    wp_set_current_user(1);
}
