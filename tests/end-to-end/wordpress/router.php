<?php
// For PHP's built-in web server: files are served as they are, everything else is WordPress's (pretty permalinks,
// /wp-json). It stands where a rewrite rule stands on other servers.

$root = $_SERVER['DOCUMENT_ROOT'];
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/');

if ($path !== '/' && is_file($root . $path)) {
    return false;
}
if ($path !== '/' && is_dir($root . $path) && is_file("$root/" . trim($path, '/') . '/index.php')) {
    return false;
}
$_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = "$root/index.php";
chdir($root);
require "$root/index.php";
