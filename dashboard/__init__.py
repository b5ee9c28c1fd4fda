"""The published marts as one HTML page: `questions` asks them, `content` packs the answers, `page` writes the file."""
