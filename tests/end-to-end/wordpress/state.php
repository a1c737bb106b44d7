<?php
// What the site holds, named by what people see instead of by ids: two states of a site are equal if nobody could tell them apart.
// Left out is what no API gives back: ids, modified dates, revisions, meta that is not registered, the folder a file lies in.

require __DIR__ . '/boot.php';

const TYPES = ['post', 'page', 'acme_case', 'attachment', 'wp_block', 'wp_navigation', 'wp_template', 'wp_template_part', 'wp_global_styles'];
const META = ['acme_source' => true, 'acme_rating' => true, 'acme_tokens' => false];

/** A post's name: unique on the sites that seed.php makes. */
function name(int $id): string
{
    $post = $id ? get_post($id) : null;
    return $post ? "$post->post_type:" . urldecode($post->post_name) . ":$post->post_title" : '';
}

/** A text in which files are called by name, wherever they lie and whatever number they have. */
function plain(string $text): string
{
    $text = preg_replace_callback('/wp-image-(\d+)/', fn ($found) => 'wp-image-' . name((int) $found[1]), $text);
    $text = preg_replace_callback('/<!-- wp:image {"id":(\d+)/', fn ($found) => '<!-- wp:image ' . name((int) $found[1]), $text);
    return preg_replace('#/wp-content/uploads/\d{4}/\d\d/#', '/uploads/', $text);
}

function login(int $id): string
{
    return $id ? (get_userdata($id)->user_login ?? "gone") : '';
}

$state = [];
foreach (TYPES as $type) {
    foreach (get_posts(['post_type' => $type, 'numberposts' => -1, 'post_status' => ['publish', 'future', 'draft', 'pending', 'private', 'trash', 'inherit']]) as $post) {
        $terms = [];
        foreach (get_object_taxonomies($type) as $taxonomy) {
            foreach (wp_get_object_terms($post->ID, $taxonomy, ['orderby' => 'slug']) as $term) {
                $terms[] = "$taxonomy:$term->slug";
            }
        }
        $meta = [];
        foreach (META as $key => $single) {
            $value = get_post_meta($post->ID, $key, $single);
            if ($value !== '' && $value !== [] && (string) json_encode($value) !== '"0"') {
                $meta[$key] = is_numeric($value) ? round((float) $value, 9) : $value;
            }
        }
        $entry = ['content' => plain($post->post_content), 'excerpt' => $post->post_excerpt, 'status' => $post->post_status,
            'author' => login((int) $post->post_author), 'date' => $post->post_date, 'parent' => name((int) $post->post_parent),
            'order' => $post->menu_order, 'comments' => $post->comment_status, 'pings' => $post->ping_status, 'password' => $post->post_password,
            'picture' => name((int) get_post_thumbnail_id($post->ID)), 'terms' => $terms, 'meta' => $meta, 'sticky' => is_sticky($post->ID)];
        if ($type === 'attachment') {
            $file = get_attached_file($post->ID);
            $original = wp_get_original_image_path($post->ID) ?: $file;
            $entry += ['file' => basename($file), 'sha256' => hash_file('sha256', $original), 'alt' => get_post_meta($post->ID, '_wp_attachment_image_alt', true)];
        }
        if ($type === 'wp_template' || $type === 'wp_template_part' || $type === 'wp_global_styles') {
            unset($entry['author'], $entry['date']);
        }
        if ($type === 'wp_global_styles') {
            $entry['content'] = json_decode($post->post_content, true);
            array_walk($entry['content'], function (&$part) { $part = $part ?: []; is_array($part) && ksort($part); });
            ksort($entry['content']);
        }
        $state[name($post->ID)][] = $entry;
    }
}
foreach (get_comments(['status' => 'any', 'type' => '']) as $comment) {
    $parent = $comment->comment_parent ? get_comment($comment->comment_parent) : null;
    $state['comment:' . name((int) $comment->comment_post_ID) . ":$comment->comment_date:$comment->comment_author"][] =
        ['text' => $comment->comment_content, 'status' => $comment->comment_approved, 'email' => $comment->comment_author_email,
         'url' => $comment->comment_author_url, 'ip' => $comment->comment_author_IP, 'agent' => $comment->comment_agent,
         'user' => login((int) $comment->user_id), 'type' => $comment->comment_type, 'answers' => $parent ? "$parent->comment_date:$parent->comment_author" : ''];
}
foreach (wp_get_nav_menus() as $menu) {
    $titles = [];
    foreach (wp_get_nav_menu_items($menu->term_id, ['post_status' => 'publish,draft']) as $item) {
        $titles[$item->ID] = $item->title;
        $state["menu:$menu->name"][] = ['title' => $item->title, 'url' => $item->url, 'order' => $item->menu_order, 'status' => $item->post_status,
            'to' => $item->type === 'post_type' ? name((int) $item->object_id) : "$item->object", 'under' => $titles[$item->menu_item_parent] ?? '',
            'target' => $item->target, 'classes' => implode(' ', $item->classes)];
    }
}
foreach (get_nav_menu_locations() as $location => $menu) {
    $state['location'][$location] = $menu ? (wp_get_nav_menu_object($menu)->name ?? 'gone') : '';
}
foreach (['blogname', 'blogdescription', 'posts_per_page', 'show_on_front', 'start_of_week', 'timezone_string', 'date_format', 'acme_notes_greeting',
    'default_comment_status'] as $option) {
    $state['option'][$option] = (string) get_option($option);
}
foreach (['page_on_front', 'page_for_posts'] as $option) {
    $state['option'][$option] = name((int) get_option($option));
}
$state['option']['site_logo'] = name((int) get_theme_mod('custom_logo'));
$state['widgets'] = wp_get_sidebars_widgets();
$state['widget_block'] = get_option('widget_block');
foreach (get_users() as $user) {
    $state["user:$user->user_login"] = [$user->display_name, $user->user_email, $user->roles, $user->description];
}
ksort($state);
print_json($state);
