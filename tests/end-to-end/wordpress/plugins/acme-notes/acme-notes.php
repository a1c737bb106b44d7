<?php
/**
 * Plugin Name: Acme Notes
 * Description: A plugin that is active and does next to nothing, so that the list of plugins has something to say.
 * Version: 0.3.1
 * Author: Acme
 */

add_action('init', function () {
    register_setting('general', 'acme_notes_greeting', ['type' => 'string', 'default' => 'Hello', 'show_in_rest' => true]);
});
