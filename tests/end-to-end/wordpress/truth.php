<?php
// What the site itself knows, straight from its database and functions, never through its REST API: what a whole
// backup, made with an administrator's application password and context=edit, must hold.
//
//   {"<resource>": {"count": n, "ids": [...], ...}}   the ids are those that the REST API uses
//
// `by_status` splits a count; `sha256` is over the raw text of all records in the order of their ids, so that a
// tester can compare what was stored and not only how much; `files` names each upload's bytes.

require __DIR__ . '/boot.php';

// Nobody sees these in a list of posts: one is an editor's unsaved page, the others are requests and their like.
const REST_STATUSES = ['publish', 'future', 'draft', 'pending', 'private', 'trash'];

/** All posts of a type in the statuses that can be asked for. */
function posts_of(string $type, array $statuses = REST_STATUSES): array
{
    global $wpdb;
    $in = "'" . implode("','", $statuses) . "'";
    return $wpdb->get_results($wpdb->prepare("SELECT ID, post_status, post_title, post_content, post_excerpt, post_modified_gmt, post_name
        FROM $wpdb->posts WHERE post_type = %s AND post_status IN ($in) ORDER BY ID", $type));
}

function post_truth(array $rows): array
{
    $hash = hash_init('sha256');
    $statuses = [];
    foreach ($rows as $row) {
        hash_update($hash, "$row->ID\0$row->post_title\0$row->post_content\0$row->post_excerpt\0");
        $statuses[$row->post_status] = ($statuses[$row->post_status] ?? 0) + 1;
    }
    ksort($statuses);
    return ['count' => count($rows), 'ids' => array_map(fn ($row) => (int) $row->ID, $rows), 'by_status' => $statuses,
        'sha256' => hash_final($hash)];
}

function ids(array $ids): array
{
    sort($ids);
    return ['count' => count($ids), 'ids' => array_values($ids)];
}

function terms_of(string $taxonomy): array
{
    return ids(array_map('intval', get_terms(['taxonomy' => $taxonomy, 'hide_empty' => false, 'fields' => 'ids'])));
}

/** Every upload's file as it was uploaded, and the one that is shown where that is another, by attachment. */
function media_files(array $rows): array
{
    $base = wp_get_upload_dir()['basedir'];
    $files = [];
    foreach ($rows as $row) {
        $shown = get_attached_file((int) $row->ID);
        // Pictures above 2560 pixels are shown scaled; the upload lies beside them.
        $upload = wp_get_original_image_path((int) $row->ID) ?: $shown;
        $metadata = wp_get_attachment_metadata((int) $row->ID) ?: [];
        $files[(int) $row->ID] = ['path' => substr($upload, strlen($base) + 1), 'bytes' => filesize($upload),
            'sha256' => hash_file('sha256', $upload), 'sizes' => count($metadata['sizes'] ?? []),
            'shown' => $upload === $shown ? null : ['path' => substr($shown, strlen($base) + 1), 'bytes' => filesize($shown),
                'sha256' => hash_file('sha256', $shown)]];
    }
    return $files;
}

global $wpdb;
$truth = [];
foreach (['posts' => 'post', 'pages' => 'page', 'case-studies' => 'acme_case', 'blocks' => 'wp_block', 'navigation' => 'wp_navigation'] as $resource => $type) {
    $truth[$resource] = post_truth(posts_of($type));
}
$truth['menu-items'] = post_truth(posts_of('nav_menu_item'));
$media = posts_of('attachment', ['inherit', 'private', 'trash']);
$truth['media'] = post_truth($media) + ['files' => media_files($media)];

$comments = $wpdb->get_results("SELECT comment_ID, comment_approved, comment_type FROM $wpdb->comments ORDER BY comment_ID");
$of_type = array_values(array_filter($comments, fn ($comment) => $comment->comment_type === 'comment'));
$by_status = [];
foreach ($of_type as $comment) {
    $name = ['0' => 'hold', '1' => 'approve'][$comment->comment_approved] ?? $comment->comment_approved;
    $by_status[$name][] = (int) $comment->comment_ID;
}
ksort($by_status);
$truth['comments'] = ids(array_map(fn ($comment) => (int) $comment->comment_ID, $of_type)) + ['by_status' => array_map('ids', $by_status)];
$truth['pingbacks'] = ids(array_map(fn ($comment) => (int) $comment->comment_ID,
    array_filter($comments, fn ($comment) => $comment->comment_type === 'pingback')));

$users = get_users(['fields' => 'ID']);
$truth['users'] = ids(array_map('intval', $users));
$passwords = [];
foreach ($users as $user) {
    array_push($passwords, ...array_column(WP_Application_Passwords::get_user_application_passwords($user), 'uuid'));
}
$truth['application-passwords'] = ids($passwords);

foreach (['categories' => 'category', 'tags' => 'post_tag', 'industries' => 'acme_industry', 'menus' => 'nav_menu'] as $resource => $taxonomy) {
    $truth[$resource] = terms_of($taxonomy);
}
$truth['menu-locations'] = ids(array_keys(get_registered_nav_menus())) + ['assigned' => get_nav_menu_locations()];

// Of the templates, only those that somebody changed are in the database; the others are the theme's files.
foreach (['templates' => 'wp_template', 'template-parts' => 'wp_template_part'] as $resource => $type) {
    $all = get_block_templates([], $type);
    $custom = array_filter($all, fn ($template) => $template->source === 'custom');
    $truth[$resource] = ids(array_map(fn ($template) => $template->id, $all)) + ['customised' => ids(array_map(fn ($template) => $template->id, $custom))];
}
$truth['global-styles'] = ids([WP_Theme_JSON_Resolver::get_user_global_styles_post_id()]);

rest_get_server(); // Core, and the blocks for logo and icon, register their settings only when the REST API starts.
$settings = [];
foreach (get_registered_settings() as $option => $arguments) {
    if (empty($arguments['show_in_rest'])) {
        continue;
    }
    $name = is_array($arguments['show_in_rest']) && !empty($arguments['show_in_rest']['name']) ? $arguments['show_in_rest']['name'] : $option;
    $settings[$name] = get_option($option);
}
ksort($settings);
$truth['settings'] = ['count' => count($settings), 'ids' => array_keys($settings), 'values' => $settings];

$truth['plugins'] = ids(array_map(fn ($file) => substr($file, 0, -4), array_keys(get_plugins()))) + ['active' => get_option('active_plugins')];
$truth['themes'] = ids(array_keys(wp_get_themes())) + ['active' => get_stylesheet()];
$widgets = array_merge(...array_values(array_filter(get_option('sidebars_widgets'), 'is_array')));
$truth['widgets'] = ids($widgets);
$truth['sidebars'] = ids(array_merge(array_keys($GLOBALS['wp_registered_sidebars']), ['wp_inactive_widgets']));
$truth['types'] = ids(array_keys(array_filter(get_post_types([], 'objects'), fn ($type) => $type->show_in_rest)));
$truth['taxonomies'] = ids(array_keys(array_filter(get_taxonomies([], 'objects'), fn ($taxonomy) => $taxonomy->show_in_rest)));

// Revisions are asked for one parent at a time.
$revisions = [];
foreach ($wpdb->get_results("SELECT revision.ID, revision.post_parent, parent.post_type FROM $wpdb->posts revision
    JOIN $wpdb->posts parent ON parent.ID = revision.post_parent WHERE revision.post_type = 'revision' ORDER BY revision.ID") as $row) {
    $revisions[$row->post_type][(int) $row->post_parent][] = (int) $row->ID;
}
$truth['revisions'] = ['count' => array_sum(array_map(fn ($parents) => array_sum(array_map('count', $parents)), $revisions)), 'by_parent' => $revisions];

// What exists and no REST route shows: a report that calls a backup whole must not be believed about these.
$truth['invisible'] = [
    'acme_lead' => count(posts_of('acme_lead')),
    'auto_drafts' => count(posts_of('post', ['auto-draft'])),
    'options' => (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->options WHERE option_name NOT LIKE '%transient%'"),
    'unregistered_post_meta' => (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->postmeta WHERE meta_key = '_acme_private'"),
];
print_json($truth);
