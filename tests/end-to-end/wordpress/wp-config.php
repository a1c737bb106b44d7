<?php
// Copied into the site's www folder. All that is particular to one site (folder, port, keys) is read from that
// site's own folder, one above this file.

define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:' . dirname(__DIR__) . '/db.sock');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');

require dirname(__DIR__) . '/keys.php';

$site_port = getenv('SITE_PORT') ?: trim((string) file_get_contents(dirname(__DIR__) . '/port'));
define('WP_HOME', "http://127.0.0.1:$site_port");
define('WP_SITEURL', WP_HOME);

// 'local' lets application passwords work without TLS, which the loopback interface does not need.
define('WP_ENVIRONMENT_TYPE', 'local');
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_DEBUG', false);
define('WP_MEMORY_LIMIT', '512M');

$table_prefix = 'wp_';

if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
