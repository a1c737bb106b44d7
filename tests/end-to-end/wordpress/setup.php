<?php
// Installs WordPress into an empty database: what a person does on the first page of a new site.

define('WP_INSTALLING', true);
require __DIR__ . '/boot.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

if (!is_blog_installed()) {
    wp_install('Acme', 'acme-admin', 'admin@acme.example', true, '', bin2hex(random_bytes(16)));
}
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
update_option('WPLANG', '');
switch_theme('twentytwentythree');
delete_option('rewrite_rules'); // Made anew, with all types, by the first request.
